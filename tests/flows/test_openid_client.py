"""Other people's clients, unmodified, log a member in through the hosted pages, over real sockets."""

from collections.abc import Callable
from typing import Any

import pytest
from authlib.integrations.flask_client import OAuth
from flask import Flask
from flask.testing import FlaskClient
from tests.support.forms import Browser, Page
from tests.support.node import run_node

pytestmark = pytest.mark.database("sqlite")

REDIRECT_URI = "http://127.0.0.1:9/callback"  # nobody listens there; the browser's walk ends at its address
EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"
SCOPE = "openid profile email offline_access"

ASKED = {"redirectUri": REDIRECT_URI, "scope": SCOPE}

# openid-client (npm). `enableNonRepudiationChecks` has it verify the ID token's signature by the JWKS.
SET_UP = """
    import * as client from 'openid-client';
    const [issuer, clientId, secret, more] = args;
    const config = await client.discovery(new URL(issuer), clientId, secret ?? undefined,
        secret ? undefined : client.None(), { execute: [client.allowInsecureRequests] });
    client.enableNonRepudiationChecks(config);
"""
BEGIN = """
    const verifier = client.randomPKCECodeVerifier();
    const checks = {
        pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(),
    };
    const url = client.buildAuthorizationUrl(config, {
        redirect_uri: more.redirectUri, scope: more.scope,
        state: checks.expectedState, nonce: checks.expectedNonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    console.log(JSON.stringify({ url: url.href, checks }));
"""
FINISH = """
    const tokens = await client.authorizationCodeGrant(config, new URL(more.url), more.checks);
    const claims = tokens.claims();
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
    const active = async (token) => more.secret
        ? (await client.tokenIntrospection(config, token)).active : undefined;
    const before = await active(refreshed.access_token);
    const again = await client.refreshTokenGrant(config, tokens.refresh_token).catch((error) => error.error);
    const dead = await client.fetchUserInfo(config, refreshed.access_token, claims.sub)
        .catch((error) => error.status);
    const introspected = [before, await active(refreshed.access_token)];
    const out = client.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token, post_logout_redirect_uri: more.back, state: 'out',
    });
    console.log(JSON.stringify({
        claims, userinfo, refreshed: refreshed.claims(), again, dead, introspected, out: out.href,
    }));
"""
REVOKE = """
    const tokens = await client.authorizationCodeGrant(config, new URL(more.url), more.checks);
    const { sub } = tokens.claims();
    await client.tokenRevocation(config, tokens.refresh_token);
    const status = await client.fetchUserInfo(config, tokens.access_token, sub)
        .catch((error) => error.status);
    console.log(JSON.stringify(status));
"""
MACHINE = """
    const tokens = await client.clientCredentialsGrant(config, { scope: more.scope });
    const introspected = await client.tokenIntrospection(config, tokens.access_token);
    console.log(JSON.stringify({ ...tokens, introspected }));
"""


def sign_up_and_allow(page: Page, browser: Browser) -> str:
    """From the log-in page to the application's address: sign up, then consent."""
    assert "to continue to Shop" in page.text
    page = browser.get(next_link(page))
    page = browser.submit(page.form(), email=EMAIL, password=PASSWORD, name="Ada")
    assert "Shop would like to:" in page.text
    page = browser.submit(page.form("/authorize/consent"), button="Allow")
    assert page.redirect is not None, page.text
    return page.redirect


def next_link(page: Page) -> str:
    start = page.html.index('href="/signup') + len('href="')
    return page.html[start : page.html.index('"', start)].replace("&amp;", "&")


@pytest.fixture
def registered(admin: FlaskClient) -> Callable[..., tuple[str, str | None]]:
    def register(type_: str, **fields: Any) -> tuple[str, str | None]:
        body = {"name": "Shop", "type": type_, **fields}
        made = admin.post("/applications", json=body).json["data"]
        return made["clientId"], made["clientSecret"]

    return register


@pytest.mark.database("sqlite", "postgresql")
@pytest.mark.parametrize("type_", ["web", "spa"])
def test_openid_client_logs_in_and_out(base_url: str, registered: Callable[..., Any], type_: str) -> None:
    back = "http://127.0.0.1:9/signed-out"
    client_id, secret = registered(type_, redirectUris=[REDIRECT_URI], postLogoutRedirectUris=[back])
    begun = run_node(SET_UP + BEGIN, base_url, client_id, secret, ASKED)
    browser = Browser(base_url)
    landed = sign_up_and_allow(browser.get(begun["url"]), browser)
    more = {"url": landed, "checks": begun["checks"], "secret": secret, "back": back}
    done = run_node(SET_UP + FINISH, base_url, client_id, secret, more)
    assert done["claims"]["iss"] == base_url
    assert done["claims"]["nonce"] == begun["checks"]["expectedNonce"]
    assert done["userinfo"]["sub"] == done["claims"]["sub"] == done["refreshed"]["sub"]
    assert done["userinfo"]["email"] == EMAIL
    assert done["refreshed"]["auth_time"] == done["claims"]["auth_time"]
    assert done["again"] == "invalid_grant"
    assert done["dead"] == 401
    assert done["introspected"] == ([True, False] if secret else [None, None])
    assert browser.get(done["out"]).redirect == f"{back}?state=out"
    assert browser.get("/account").path == "/login"


@pytest.mark.parametrize("type_", ["web", "spa"])
def test_openid_client_gives_back_what_it_got(
    base_url: str, registered: Callable[..., Any], type_: str
) -> None:
    client_id, secret = registered(type_, redirectUris=[REDIRECT_URI])
    begun = run_node(SET_UP + BEGIN, base_url, client_id, secret, ASKED)
    browser = Browser(base_url)
    landed = sign_up_and_allow(browser.get(begun["url"]), browser)
    more = {"url": landed, "checks": begun["checks"]}
    assert run_node(SET_UP + REVOKE, base_url, client_id, secret, more) == 401


def test_openid_client_speaks_for_a_machine(base_url: str, registered: Callable[..., Any]) -> None:
    client_id, secret = registered("machine", scopes=["reports:read"])
    tokens = run_node(SET_UP + MACHINE, base_url, client_id, secret, {"scope": "reports:read"})
    assert tokens["token_type"] == "bearer"
    assert tokens["scope"] == "reports:read"
    assert tokens["introspected"]["active"] is True
    assert tokens["introspected"]["sub"] == client_id


def test_authlib_s_client_logs_in(base_url: str, registered: Callable[..., Any]) -> None:
    client_id, secret = registered("web", redirectUris=[REDIRECT_URI])
    shop = Flask("shop")
    shop.secret_key = "the shop's"
    oauth = OAuth(shop)
    oauth.register(
        "msidp",
        client_id=client_id,
        client_secret=secret,
        server_metadata_url=f"{base_url}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPE, "code_challenge_method": "S256"},
    )
    shop.add_url_rule(
        "/login", view_func=lambda: oauth.msidp.authorize_redirect(REDIRECT_URI), endpoint="login"
    )

    def callback() -> dict[str, Any]:
        token = oauth.msidp.authorize_access_token()
        return {"token": token, "userinfo": oauth.msidp.userinfo(token=token)}

    shop.add_url_rule("/callback", view_func=callback)
    backend = shop.test_client()
    sent = backend.get("/login").headers["Location"]
    browser = Browser(base_url)
    landed = sign_up_and_allow(browser.get(sent), browser)
    done = backend.get(landed.removeprefix("http://127.0.0.1:9")).json
    assert done["token"]["userinfo"]["iss"] == base_url  # the ID token's claims, verified
    assert done["userinfo"]["sub"] == done["token"]["userinfo"]["sub"]
    assert done["userinfo"]["email"] == EMAIL


REGISTER = """
    import * as client from 'openid-client';
    const [issuer, token, metadata] = args;
    const config = await client.dynamicClientRegistration(
        new URL(issuer), metadata, client.ClientSecretBasic(),
        { initialAccessToken: token, execute: [client.allowInsecureRequests] });
    console.log(JSON.stringify(config.clientMetadata()));
"""


def test_openid_client_registers_itself_and_logs_in(base_url: str, admin: FlaskClient) -> None:
    token = admin.post("/initial-access-tokens", json={"name": "partners"}).json["data"]["token"]
    metadata = {
        "client_name": "Shop",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
    }
    made = run_node(REGISTER, base_url, token, metadata)
    begun = run_node(SET_UP + BEGIN, base_url, made["client_id"], made["client_secret"], ASKED)
    browser = Browser(base_url)
    landed = sign_up_and_allow(browser.get(begun["url"]), browser)
    more = {"url": landed, "checks": begun["checks"]}
    assert run_node(SET_UP + REVOKE, base_url, made["client_id"], made["client_secret"], more) == 401
