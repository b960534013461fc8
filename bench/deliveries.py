"""Webhook deliveries over https, end to end, beside what pycurl alone can do."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from bench import cpu
from bench.load import request
from bench.operations import Site, new_members
from bench.servers import Msidp
from bench.sink import HOSTS, Sink

IN_FLIGHT = 32


@dataclass(frozen=True)
class Rate:
    """CPU microseconds a delivery, and deliveries a second."""

    microseconds: float
    per_second: float


def end_to_end(msidp: Msidp, site: Site, sink: Sink, endpoints: int, events: int) -> Rate:
    """Let deliveries pile up while the worker is stopped, then measure how it works them off."""
    count = endpoints * events
    before = sink.count()
    worker = msidp.processes("msidp-worker")
    for pid in worker:
        os.kill(pid, signal.SIGSTOP)
    try:
        site.load.send(new_members(site, events))
        used, began = cpu.cpu_seconds(worker), time.perf_counter()
    finally:
        for pid in worker:
            os.kill(pid, signal.SIGCONT)
    sink.wait_for(before + count)
    took = time.perf_counter() - began
    settle(site)
    return Rate((cpu.cpu_seconds(worker) - used) / count * 1e6, count / took)


def settle(site: Site) -> None:
    """Wait until every delivery's outcome is recorded."""
    key = {"X-API-KEY": site.api_key}
    deadline = time.monotonic() + 60
    for webhook in site.admin("GET", "/webhooks?first=100")["data"]:
        path = f"/webhooks/{webhook['id']}/deliveries?status=pending&first=1"
        while True:
            (answer,) = site.load.send([request("GET", path, key)])
            if answer.json["totalCount"] == 0:
                break
            assert time.monotonic() < deadline, "deliveries are still pending"
            time.sleep(0.1)


def ceiling(sink: Sink, count: int, size: int) -> Rate:
    """The same number of POSTs of that size by pycurl alone."""
    arguments = [str(sink.authority), str(count), str(IN_FLIGHT), str(size), *sink.urls(HOSTS)]
    run = subprocess.run(
        [sys.executable, "-m", "bench.ceiling", *arguments], capture_output=True, text=True, check=True
    )
    measured = json.loads(run.stdout)
    return Rate(measured["cpu"] / count * 1e6, count / measured["wall"])
