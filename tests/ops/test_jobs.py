"""What the log says of a job that failed."""

import sqlite3

import pytest
import structlog
from flask import Flask
from rq.exceptions import InvalidJobOperation
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from msidp import queue
from msidp.ops import jobs

pytestmark = pytest.mark.database("sqlite")
FULL = sqlite3.OperationalError("database or disk is full")
FULL.sqlite_errorcode = sqlite3.SQLITE_FULL


@pytest.mark.parametrize(
    ("error", "traced"),
    [
        (RuntimeError("a mistake of ours"), True),
        (OperationalError("INSERT", {}, FULL), False),
        (InvalidJobOperation("Failed to retrieve status"), False),  # the queue was wiped
    ],
)
def test_what_passes_by_itself_has_no_traceback(
    app: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception, traced: bool
) -> None:
    monkeypatch.setattr(jobs, "log", structlog.get_logger())  # the other remembers where it wrote before
    job = queue.queue(queue.WEBHOOKS).enqueue(queue.DRAIN)
    with capture_logs() as logs:
        jobs.new_worker(app.extensions["msidp_settings"].redis_url).handle_exception(
            job, type(error), error, None
        )
    (line,) = logs
    assert (line["event"], line["job"]) == ("job failed", queue.DRAIN)
    assert ("exc_info" in line) is traced
    assert traced or line["error"] in (str(FULL), "Failed to retrieve status")
