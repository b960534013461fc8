"""The way not taken: one RQ job for each delivery.

    python -m bench.rq_way URL AUTHORITY COUNT

Runs on the instance that the environment names, whose database holds so many deliveries that are due.
Prints the CPU microseconds of the worker for one, as JSON: `whole` of a job that does what a delivery takes
(it reads what to send, signs it, sends it over a kept connection and records the outcome), `post` of one that
only sends.
"""

import json
import logging
import sys
import time
from functools import cache
from typing import Any

import pycurl
from rq import Queue, SimpleWorker
from sqlalchemy import text

from msidp import clock, db, queue
from msidp.app import create_core
from msidp.settings import Settings
from msidp.webhooks.dialects import Message, prepare
from msidp.webhooks.secrets import open_secrets

_READ = text(
    """
    SELECT delivery.id, delivery.event_id, delivery.dialect, name, body, url, endpoint.id, secret
    FROM delivery
    JOIN event_body ON event_body.event_id = delivery.event_id AND event_body.dialect = delivery.dialect
    JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
    WHERE delivery.seq = :seq
    """
)
_SETTLE = text(
    """
    UPDATE delivery SET status = 'succeeded', due_at = NULL, attempt_count = 1, settled_at = :now
    WHERE seq = :seq
    """
)
_LOG = text(
    """
    INSERT INTO attempt (delivery_id, number, at, status, latency_ms, request_headers, manual)
    VALUES (:id, 1, :at, :status, :latency, :headers, false)
    """
)


def post(url: str, authority: str) -> None:
    """The job that only sends."""
    curl = _handle(url, authority)
    curl.setopt(pycurl.POSTFIELDS, b"x" * 600)
    curl.perform()


def deliver(seq: int, authority: str) -> None:
    """The job that does all."""
    with db.reading() as session:
        id_, event_id, dialect, name, body, url, endpoint_id, sealed = session.execute(
            _READ, {"seq": seq}
        ).one()
    at = clock.now()
    secrets = open_secrets(endpoint_id, sealed, None, None, at)
    headers, body = prepare(dialect, Message(event_id, id_, name, body), secrets, at)
    curl = _handle(url, authority)
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
    curl.setopt(pycurl.POSTFIELDS, body)
    curl.perform()
    now, status = clock.now(), curl.getinfo(pycurl.RESPONSE_CODE)
    with db.transaction() as session:
        session.execute(_SETTLE, {"now": now, "seq": seq})
        attempt = {"id": id_, "at": at, "status": status, "latency": now - at}
        session.execute(_LOG, attempt | {"headers": json.dumps(headers)})


@cache
def _handle(url: str, authority: str) -> Any:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, authority)
    return curl


def main(url: str, authority: str, count: int) -> None:
    """Enqueue so many jobs of each kind, then measure the worker that empties the queue."""
    logging.disable()
    app = create_core(Settings.load())
    with app.app_context():
        jobs = queue.queue("bench")
        with db.reading() as session:
            seqs = session.scalars(text(f"SELECT seq FROM delivery LIMIT {count}")).all()  # a number
        for _ in range(count):
            jobs.enqueue("bench.rq_way.post", url, authority, result_ttl=0)
        only_post = _work_off(jobs) / count
        for seq in seqs:
            jobs.enqueue("bench.rq_way.deliver", seq, authority, result_ttl=0)
        print(json.dumps({"whole": _work_off(jobs) / count, "post": only_post}))


def _work_off(jobs: Queue) -> float:
    worker = SimpleWorker([jobs], connection=jobs.connection, serializer=jobs.serializer)
    began = time.process_time()
    worker.work(burst=True)
    return (time.process_time() - began) * 1e6


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
