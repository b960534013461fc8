"""How often the hot paths ask the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from tests.oidc.conftest import Relying

OFFLINE = "openid offline_access"


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements in the block, transaction control left out."""
    seen: list[str] = []

    def note(_connection, _cursor, statement: str, *_rest) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


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
