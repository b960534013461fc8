"""What the database is asked, in SQLAlchemy's way and by prepared statements."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class _Heard(logging.Handler):
    """What prepared statements are run, as the log tells it."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self._seen.append(record.getMessage())


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements in the block, in their order. What begins and ends transactions is left out."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    heard, log = _Heard(seen), logging.getLogger("msidp.prepared")
    level = log.level
    event.listen(Engine, "before_cursor_execute", note)  # of those that write and those that read
    log.addHandler(heard)
    log.setLevel(logging.DEBUG)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        log.removeHandler(heard)
        log.setLevel(level)
