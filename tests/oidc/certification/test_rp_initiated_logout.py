"""oidcc-rp-initiated-logout-certification-test-plan.

After each module the suite tries `prompt=none`: logged out is `login_required`.
"""

from urllib.parse import urlencode

import jwt
import pytest
from tests.oidc.certification.conftest import SIGNED_OUT, Party, Site, register
from tests.support.forms import Browser, Page

STATE = "the state"


@pytest.fixture
def id_token(client: Party) -> str:
    """The person is logged in."""
    return client.tokens(client.request()).id_token


def leave(client: Party, **parameters: str | None) -> Page:
    """The browser at the end_session_endpoint."""
    present = {name: value for name, value in parameters.items() if value is not None}
    endpoint = client.site.metadata["end_session_endpoint"]
    return client.browser.get(f"{endpoint}?{urlencode(present)}")


def is_logged_in(client: Party) -> bool:
    answer = client.answer(client.ask(client.request(prompt="none"))).parameters
    if "code" in answer:
        return True
    assert answer["error"] == "login_required"
    return False


def asks_first(client: Party, page: Page) -> Page:
    """The person is asked; until they say yes they stay logged in. The page after that."""
    assert (page.status, page.redirect) == (200, None)
    assert is_logged_in(client)
    return client.browser.submit(page.form("/end-session/confirm"), button="Sign out")


def stays_here(client: Party, page: Page) -> None:
    """The person is logged out, and the browser goes nowhere."""
    assert (page.status, page.redirect) == (200, None)
    assert "You are signed out" in page.text
    assert not is_logged_in(client)


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(site: Site) -> None:
    assert site.metadata["end_session_endpoint"] == f"{site.issuer}/end-session"


def test_oidcc_rp_initiated_logout(client: Party, id_token: str) -> None:
    page = leave(client, id_token_hint=id_token, post_logout_redirect_uri=SIGNED_OUT, state=STATE)
    assert page.redirect_query == {"state": STATE}
    assert (page.redirect or "").startswith(f"{SIGNED_OUT}?")
    assert not is_logged_in(client)


def test_oidcc_rp_initiated_logout_no_state(client: Party, id_token: str) -> None:
    page = leave(client, id_token_hint=id_token, post_logout_redirect_uri=SIGNED_OUT)
    assert page.redirect == SIGNED_OUT
    assert not is_logged_in(client)


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param(
            "https://elsewhere.example/", id="oidcc-rp-initiated-logout-bad-post-logout-redirect-uri"
        ),
        pytest.param(
            f"{SIGNED_OUT}?foo=bar",
            id="oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
        ),
        pytest.param(None, id="oidcc-rp-initiated-logout-no-post-logout-redirect-uri"),
    ],
)
def test_no_redirect_but_to_what_is_registered(client: Party, id_token: str, uri: str | None) -> None:
    stays_here(client, leave(client, id_token_hint=id_token, post_logout_redirect_uri=uri, state=STATE))


@pytest.mark.usefixtures("id_token")
def test_oidcc_rp_initiated_logout_no_id_token_hint(client: Party) -> None:
    page = leave(client, post_logout_redirect_uri=SIGNED_OUT, state=STATE)
    stays_here(client, asks_first(client, page))


@pytest.mark.usefixtures("id_token")
def test_oidcc_rp_initiated_logout_no_params(client: Party) -> None:
    stays_here(client, asks_first(client, leave(client)))


@pytest.mark.usefixtures("id_token")
def test_oidcc_rp_initiated_logout_only_state(client: Party) -> None:
    stays_here(client, asks_first(client, leave(client, state=STATE)))


def test_oidcc_rp_initiated_logout_modified_id_token_hint(client: Party, id_token: str) -> None:
    """Its signature no longer fits."""
    header, payload, signature = id_token.split(".")
    altered = ".".join((header, payload, signature[::-1]))
    page = leave(client, id_token_hint=altered, post_logout_redirect_uri=SIGNED_OUT, state=STATE)
    stays_here(client, asks_first(client, page))


def test_oidcc_rp_initiated_logout_bad_id_token_hint(client: Party, id_token: str) -> None:
    """A key of the client's own signed it."""
    claims = jwt.decode(id_token, options={"verify_signature": False})
    forged = jwt.encode(claims, client.secret, "HS256")
    page = leave(client, id_token_hint=forged, post_logout_redirect_uri=SIGNED_OUT, state=STATE)
    stays_here(client, asks_first(client, page))


def test_one_client_s_hint_opens_no_other_client_s_address(
    client: Party, id_token: str, site: Site, browser: Browser
) -> None:
    other = register(site, browser, postLogoutRedirectUris=["https://other.example/"])
    page = leave(
        client,
        id_token_hint=id_token,
        client_id=other.client_id,
        post_logout_redirect_uri="https://other.example/",
    )
    stays_here(client, asks_first(client, page))
