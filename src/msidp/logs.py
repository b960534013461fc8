"""Structured logs on standard error: for people on a terminal, a JSON object a line elsewhere.

What libraries log goes the same way. Never a secret in them: no query strings, no bodies, no headers.
"""

import json
import logging
import sys
import threading
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
import structlog.tracebacks

from msidp.settings import Settings

_encoder = json.JSONEncoder(default=repr)  # json.dumps() would make one for each line
_LEVELS = {"warn": "warning", "exception": "error"}
_concern: ContextVar[Mapping[str, str]] = ContextVar("msidp_log", default={})  # noqa: B039  # nobody writes to it


def concern(**fields: str) -> None:
    """Say on each line from now on, in this thread, what it is about."""
    _concern.set(fields)


class _Lines:
    """Writes what can be written. A full disk, or a reader who has gone, costs lines and nobody's work.

    A line is one write: none is torn apart.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write a line. How grave it is stands in it."""
        with self._lock, suppress(OSError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class _Forward(logging.Handler):
    """Hands what a library logs to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def init_app(_settings: Settings) -> None:
    """Set logging up for this process. Doing it again changes nothing."""
    human = sys.stderr.isatty()
    lines = _Lines(sys.stderr)
    structlog.configure(
        processors=[add_concern, _complete, *(_for_people() if human else _for_machines())],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Forward) for handler in root.handlers):
        root.addHandler(_Forward(logging.WARNING))
    for name in ("alembic", "sqlalchemy"):
        logging.getLogger(name).handlers.clear()  # Flask-Alembic's, which would write lines of their own


def add_concern(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put it on a line (a processor of structlog)."""
    event.update(_concern.get())
    return event


def _complete(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """How grave it is, and when it was: what structlog's own processors say, in one step for each line."""
    event["level"] = _LEVELS.get(method, method)
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return event


def _for_people() -> list[Any]:
    return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]


def _for_machines() -> list[Any]:
    # Tracebacks without local variables: they hold passwords and tokens.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    add_traceback = structlog.processors.ExceptionRenderer(tracebacks)

    def render(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        return _encoder.encode(add_traceback(logger, method, event) if event.get("exc_info") else event)

    return [render]
