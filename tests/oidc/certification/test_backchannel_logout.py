"""oidcc-backchannel-rp-initiated-logout-certification-test-plan."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlencode

import jwt
import pytest
from tests.oidc.certification.conftest import SIGNED_OUT, Party, Site, register
from tests.support.forms import Browser
from tests.support.receiver import Receiver

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_oidcc_backchannel_logout_discovery_endpoint_verification(site: Site) -> None:
    assert site.metadata["backchannel_logout_supported"] is True
    assert site.metadata["backchannel_logout_session_supported"] is True
    assert site.metadata["end_session_endpoint"] == f"{site.issuer}/end-session"


def test_oidcc_backchannel_rp_initiated_logout(
    site: Site, browser: Browser, receiver: Receiver, deliver: Callable[[], None]
) -> None:
    client = register(site, browser, backchannelLogoutUri=receiver.url("/backchannel"))
    tokens = client.tokens(client.request())
    query = {"id_token_hint": tokens.id_token, "post_logout_redirect_uri": SIGNED_OUT, "state": "s"}
    assert browser.get(f"/end-session?{urlencode(query)}").redirect == f"{SIGNED_OUT}?state=s"
    deliver()

    [call] = receiver.received("/backchannel")
    assert call.method == "POST"
    assert call.headers["content-type"].split(";")[0] == "application/x-www-form-urlencoded"
    [token] = parse_qs(call.body.decode())["logout_token"]
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "RS256"
    assert header["typ"].lower() in ("logout+jwt", "jwt")
    key = jwt.PyJWKSet.from_dict(site.get("/jwks").json())[header["kid"]]
    claims = jwt.decode(token, key, ["RS256"], audience=client.client_id, issuer=site.issuer)
    assert claims["events"] == {EVENT: {}}
    assert abs(claims["iat"] - time.time()) < 60
    assert claims["jti"]
    assert "nonce" not in claims
    assert (claims["sub"], claims["sid"]) == (tokens.claims["sub"], tokens.claims["sid"])
    assert is_logged_out(client)


def is_logged_out(client: Party) -> bool:
    answer = client.answer(client.ask(client.request(prompt="none"))).parameters
    return answer.get("error") == "login_required"
