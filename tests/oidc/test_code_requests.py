"""What a code is bound to beside its client: resources, a DPoP key; and how it travels."""

from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.oidc.conftest import Relying, register, sent_to
from tests.oidc.test_authorize_checks import error_of
from werkzeug.datastructures import MultiDict

from msidp import db, ids
from msidp.keys.keyring import keyring
from msidp.oidc.models import Grant

pytestmark = pytest.mark.database("sqlite")

API, ORDERS = "https://api.shop.example/", "https://api.shop.example/orders?x=1"


@pytest.fixture
def selling(admin: FlaskClient, shop: Relying) -> Relying:
    """An application that may ask for tokens for two resources."""
    return register(admin, shop.browser, resources=[API, ORDERS])


def granted(code: str) -> Grant:
    with db.reading() as session:
        return session.scalars(select(Grant).where(Grant.code_hash == ids.hash_token(code))).one()


def test_resources_are_kept_on_the_grant(selling: Relying) -> None:
    for wanted in ([], [API], [API, ORDERS], [ORDERS, API, ORDERS, ""]):
        query = MultiDict([*selling.parameters().items(), *(("resource", uri) for uri in wanted)])
        for answer in (
            selling.browser.get("/authorize", query_string=query),
            selling.browser.get(selling.browser.post("/authorize", data=query).headers["Location"]),
        ):
            grant = granted(sent_to(answer, selling.redirect_uri)["code"])
            assert grant.resources == list(dict.fromkeys(filter(None, wanted)))


@pytest.mark.parametrize(
    "uri",
    [
        "https://other.example/",
        API + "#x",
        API + "x",
        API.upper(),
        "/api",
        "api",
        "urn:x y",
        "//api",
        API[:-1],
    ],
)
def test_other_resources_are_refused(selling: Relying, uri: str) -> None:
    assert error_of(selling, selling.authorize(resource=uri)) == "invalid_target"
    query = MultiDict([*selling.parameters().items(), ("resource", API), ("resource", uri)])
    answer = selling.browser.get("/authorize", query_string=query)
    assert error_of(selling, answer) == "invalid_target"


@pytest.mark.database("sqlite", "postgresql")
def test_a_code_is_bound_to_the_key_of_its_request(shop: Relying) -> None:
    thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert granted(shop.code(dpop_jkt=thumbprint)).code_jkt == thumbprint
    assert granted(shop.code()).code_jkt is None
    for wrong in ("x", thumbprint + "=", thumbprint[:-1] + "+", thumbprint + "\n"):
        assert error_of(shop, shop.authorize(dpop_jkt=wrong)) == "invalid_request"


def test_the_answer_in_the_fragment(shop: Relying) -> None:
    for changes, names in (({}, {"code", "state", "iss"}), ({"scope": "x"}, {"error", "state", "iss"})):
        place = shop.authorize(response_mode="fragment", **changes).headers["Location"]
        assert urlsplit(place).query == ""
        assert place.startswith(f"{shop.redirect_uri}#")
        answer = {name: values[0] for name, values in parse_qs(urlsplit(place).fragment).items()}
        assert names <= set(answer)
        assert (answer["state"], answer["iss"]) == (shop.parameters()["state"], keyring().issuer)
