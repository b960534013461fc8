"""Resource indicators (RFC 8707): what an access token is for."""

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, access_claims, basic, log_in, register, token_error

from msidp.keys.keyring import keyring
from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

API, REPORTS = "https://api.example/v1", "urn:example:reports"
OFFLINE = "openid offline_access"


@pytest.fixture
def shop(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    log_in(browser, member)
    return register(admin, browser, resources=[API, REPORTS])


def audience(answer: dict) -> list[str]:
    return access_claims(answer["access_token"])["aud"]


def test_a_token_is_for_what_was_asked_for(shop: Relying) -> None:
    assert audience(shop.tokens()) == [keyring().issuer, shop.client_id]
    assert audience(shop.tokens(resource=API)) == [API]
    both = shop.exchange(shop.code(resource=[API, REPORTS])).json
    assert audience(both) == [API, REPORTS]
    assert shop.userinfo(both["access_token"]).status_code == 401  # an API cannot ask who the member is


def test_it_can_be_narrowed_at_the_token_endpoint_and_differently_each_time(shop: Relying) -> None:
    first = shop.exchange(shop.code(scope=OFFLINE, resource=[API, REPORTS]), resource=REPORTS).json
    assert audience(first) == [REPORTS]
    second = shop.refresh(first["refresh_token"], resource=[API, keyring().issuer]).json
    assert audience(second) == [API, keyring().issuer]
    assert shop.userinfo(second["access_token"]).status_code == 200
    token = second["refresh_token"]
    for beyond in ("https://other.example", [API, "https://other.example"], "x"):
        assert token_error(shop.refresh(token, resource=beyond)) == "invalid_target"
    assert audience(shop.refresh(token, resource="").json) == [API, REPORTS]  # the refusals cost nothing


def test_what_was_not_granted_cannot_be_had(shop: Relying) -> None:
    assert token_error(shop.exchange(shop.code(resource=REPORTS), resource=API)) == "invalid_target"
    assert token_error(shop.exchange(shop.code(), resource=API)) == "invalid_target"
    many = [f"https://api.example/{number}" for number in range(21)]
    assert token_error(shop.exchange(shop.code(), resource=many)) == "invalid_request"


def test_a_machine_names_its_resource_and_the_resource_may_look_at_its_tokens(
    admin: FlaskClient, browser: FlaskClient
) -> None:
    caller = register(admin, browser, type="machine", redirectUris=[], skipConsent=False, resources=[API])
    api = register(admin, browser, type="machine", redirectUris=[], skipConsent=False, resources=[API])
    stranger = register(admin, browser, type="machine", redirectUris=[], skipConsent=False)
    assert audience(caller.token(grant_type="client_credentials").json) == [
        keyring().issuer,
        caller.client_id,
    ]
    token = caller.token(grant_type="client_credentials", resource=API).json["access_token"]
    assert access_claims(token)["aud"] == [API]
    assert token_error(caller.token(grant_type="client_credentials", resource=REPORTS)) == "invalid_target"

    def sees(one: Relying) -> bool:
        headers = {"Authorization": basic(one.client_id, one.secret or "")}
        return one.backend.post("/introspect", data={"token": token}, headers=headers).json["active"]

    assert [sees(one) for one in (caller, api, stranger)] == [True, True, False]
