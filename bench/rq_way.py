"""The way not taken: one RQ job for each delivery, with a kept connection and nothing else to do.

    python -m bench.rq_way REDIS URL AUTHORITY COUNT

Prints the CPU microseconds of the worker for one, as JSON.
"""

import json
import logging
import sys
import time
from functools import cache
from typing import Any

import pycurl
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer


def deliver(url: str, authority: str) -> None:
    """The job."""
    _handle(url, authority).perform()


@cache
def _handle(url: str, authority: str) -> Any:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, authority)
    curl.setopt(pycurl.POSTFIELDS, b"x" * 600)
    return curl


def main(redis_url: str, url: str, authority: str, count: int) -> None:
    """Enqueue so many jobs, then measure the worker that empties the queue."""
    connection = redis.Redis.from_url(redis_url)
    queue = Queue("bench", connection=connection, serializer=JSONSerializer)
    for _ in range(count):
        queue.enqueue("bench.rq_way.deliver", url, authority, result_ttl=0)
    logging.disable()
    worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
    began = time.process_time()
    worker.work(burst=True)
    print(json.dumps((time.process_time() - began) / count * 1e6))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
