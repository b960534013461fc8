"""docs/tokens.md tells of every claim that is issued, and of no other."""

import re
from typing import Any

import jwt
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, register
from tests.support.pages import DOCS

from msidp.oidc import scopes

EVERYTHING = "openid profile email address phone offline_access"


def section(title: str) -> str:
    text = (DOCS / "tokens.md").read_text()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def claims_in(title: str) -> set[str]:
    """The claims in the first column of this section's table."""
    rows = re.findall(r"^\| (`[^|]+`) \|", section(title), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_every_claim_of_a_token(shop: Relying, admin: FlaskClient) -> None:
    answer = shop.tokens(scope=EVERYTHING)
    assert set(claims_of(answer["id_token"])) == claims_in("ID tokens")
    told = claims_in("Access tokens")
    assert set(claims_of(answer["access_token"])) == told - {"cnf"}
    machine = register(admin, shop.browser, type="machine", redirectUris=[], scopes=["reports:read"])
    token = machine.token(grant_type="client_credentials").json["access_token"]
    assert set(claims_of(token)) == told - {"cnf", "gid", "auth_time", "acr", "amr"}


def test_every_claim_of_a_scope() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ((?:`\w+` ?)+) \|$", section("Scopes and the claims they open"), re.MULTILINE
    )
    told = {scope: set(re.findall(r"`(\w+)`", names)) for scope, names in rows}
    assert told == {name: set(claims) for name, claims in scopes.CLAIMS.items()} | {"openid": {"sub"}}
