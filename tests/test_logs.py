"""Logs: errors are there with their tracebacks, secrets are not."""

import json
from typing import Any

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
