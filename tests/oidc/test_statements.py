"""How often the hot paths ask the database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from tests.oidc.conftest import Relying

OFFLINE = "openid offline_access"


class _Heard(logging.Handler):
    """What prepared statements are run, as the log tells it."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self._seen.append(record.getMessage())


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements in the block, transaction control left out."""
    seen: list[str] = []

    def note(_connection, _cursor, statement: str, *_rest) -> None:
        seen.append(statement)

    heard, log = _Heard(seen), logging.getLogger("msidp.prepared")
    event.listen(Engine, "before_cursor_execute", note)
    log.addHandler(heard)
    log.setLevel(logging.DEBUG)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        log.removeHandler(heard)
        log.setLevel(logging.NOTSET)


def test_each_answer_takes_few_statements(shop: Relying) -> None:
    warm = shop.tokens(scope=OFFLINE)
    shop.userinfo(warm["access_token"])
    code, offline = shop.code(), shop.code(scope=OFFLINE)
    with statements() as seen:
        shop.exchange(code)
    assert len(seen) <= 3, seen  # the client (where it is no longer fresh), the claim, the grant
    with statements() as seen:
        refresh_token = shop.exchange(offline).json["refresh_token"]
    assert len(seen) <= 4, seen
    with statements() as seen:
        access_token = shop.refresh(refresh_token).json["access_token"]
    assert len(seen) <= 4, seen
    with statements() as seen:
        shop.userinfo(access_token)
    assert len(seen) == 1, seen
