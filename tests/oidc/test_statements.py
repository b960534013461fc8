"""How often the hot paths ask the database."""

from tests.oidc.conftest import Relying
from tests.support.statements import statements

OFFLINE = "openid offline_access"


def test_each_answer_takes_few_statements(shop: Relying) -> None:
    warm = shop.tokens(scope=OFFLINE)
    shop.userinfo(warm["access_token"])
    code, offline = shop.code(), shop.code(scope=OFFLINE)
    with statements() as seen:
        shop.exchange(code)
    assert len(seen) <= 2, seen  # the client (where it is no longer fresh), the claim
    with statements() as seen:
        refresh_token = shop.exchange(offline).json["refresh_token"]
    assert len(seen) <= 2, seen
    with statements() as seen:
        access_token = shop.refresh(refresh_token).json["access_token"]
    assert len(seen) <= 2, seen
    with statements() as seen:
        shop.userinfo(access_token)
    assert len(seen) == 1, seen
