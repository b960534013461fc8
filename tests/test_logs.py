"""Logs: errors are there with their tracebacks, secrets are not."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import structlog

from msidp import logs
from msidp.settings import Settings


def rendered(error: Exception) -> str:
    """What the log would say of this error."""
    event: Any = {"event": "unhandled error", "exc_info": error}
    for processor in structlog.get_config()["processors"]:
        event = processor(None, "error", event)
    return event


def crash(password: str) -> None:
    raise RuntimeError(f"{len(password)} characters")


def test_tracebacks_hold_no_local_variables() -> None:
    logs.init_app(Settings())
    try:
        crash("correct horse")
    except RuntimeError as error:
        written = rendered(error)
    assert "correct horse" not in written
    entry = json.loads(written)
    assert entry["exception"][0]["exc_value"] == "13 characters"
    assert entry["exception"][0]["frames"][-1]["name"] == "crash"


@pytest.mark.parametrize("broken", ["a full disk", "no reader"])
def test_a_log_that_cannot_be_written_stops_nobody(broken: str) -> None:
    if broken == "a full disk":
        stderr = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, stderr = os.pipe()
        os.close(reader)
    words = "import structlog; from msidp import logs, settings; logs.init_app(settings.Settings())\n"
    words += "for _ in range(9): structlog.get_logger().error('x' * 5_000)\nprint('went on')"
    done = subprocess.run([sys.executable, "-c", words], stdout=subprocess.PIPE, stderr=stderr, check=False)
    os.close(stderr)
    assert done.stdout == b"went on\n"
