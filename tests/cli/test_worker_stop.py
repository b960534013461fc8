"""SIGTERM while a worker's deliveries are in flight."""

import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.support.instance import environment
from tests.support.receiver import Answer, Receiver
from tests.support.valkey import ValkeyServer
from tests.webhooks.support import add_endpoint, delivery, happen

from msidp.settings import Settings


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("queue_is", ["away", "there", "frozen"])
def test_a_stop_waits_for_what_is_in_flight_however_often_it_is_asked_for(
    queue_is: str,
    settings: Settings,
    valkey: ValkeyServer,
    community_id: str,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    env = environment(
        MSIDP_INSTANCE_DIR=str(tmp_path),
        MSIDP_DATABASE_URL=settings.database_url,
        MSIDP_SECRET_KEY=settings.secret_keys[0],
        MSIDP_OUTBOUND_ALLOW_HTTP="1",
        MSIDP_OUTBOUND_ALLOW_NETWORKS="127.0.0.0/8",
        MSIDP_REDIS_URL=f"unix://{tmp_path}/nobody.sock" if queue_is == "away" else valkey.url,
    )
    receiver.script("/hook", Answer(delay=1.5))
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    worker = subprocess.Popen([sys.executable, "-m", "msidp", "worker"], env=env, stderr=subprocess.PIPE)
    try:
        receiver.wait_for(1, timeout=30)
        with valkey.frozen() if queue_is == "frozen" else nullcontext():
            for _ in range(3):
                worker.send_signal(signal.SIGTERM)
                time.sleep(0.3)
            _, said = worker.communicate(timeout=10)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == 0, said.decode()
    assert (delivery().status, delivery().attempt_count) == ("succeeded", 1)
