"""oauth4webapi (npm), unmodified: step by step, and strict at each of them."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.flows.test_openid_client import EMAIL, REDIRECT_URI, SCOPE, sign_up_and_allow
from tests.support.forms import Browser
from tests.support.node import run_node

pytestmark = pytest.mark.database("sqlite")

SET_UP = """
    import * as oauth from 'oauth4webapi';
    const [issuer, clientId, secret, more] = args;
    const http = { [oauth.allowInsecureRequests]: true };
    const url = new URL(issuer);
    const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, http));
    const oauthOnly = await oauth.processDiscoveryResponse(
        url, await oauth.discoveryRequest(url, { ...http, algorithm: 'oauth2' }));
    const client = { client_id: clientId };
    const auth = secret === null ? oauth.None()
        : more.post ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
"""
BEGIN = """
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const nonce = oauth.generateRandomNonce();
    const to = new URL(as.authorization_endpoint);
    to.search = new URLSearchParams({
        client_id: clientId, redirect_uri: more.redirectUri, response_type: 'code', scope: more.scope, state,
        nonce, max_age: '600',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    console.log(JSON.stringify({ url: to.href, verifier, state, nonce }));
"""
FINISH = """
    const params = oauth.validateAuthResponse(as, client, new URL(more.url), more.state);
    const answer = await oauth.authorizationCodeGrantRequest(
        as, client, auth, params, more.redirectUri, more.verifier, http);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
        expectedNonce: more.nonce, maxAge: 600, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, answer, http);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const userinfo = await oauth.processUserInfoResponse(
        as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, http));

    const api = new Request('https://api.example/', {
        headers: { authorization: `Bearer ${tokens.access_token}` } });
    const accepted = await oauth.validateJwtAccessToken(as, api, clientId, http);

    const refreshed = await oauth.processRefreshTokenResponse(as, client,
        await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, http));
    const introspected = secret && await oauth.processIntrospectionResponse(as, client,
        await oauth.introspectionRequest(as, client, auth, refreshed.access_token, http));
    await oauth.processRevocationResponse(
        await oauth.revocationRequest(as, client, auth, refreshed.refresh_token, http));
    let challenges;
    try {
        await oauth.processUserInfoResponse(as, client, sub,
            await oauth.userInfoRequest(as, client, refreshed.access_token, http));
    } catch (error) { challenges = error.cause; }
    const same = as.issuer === oauthOnly.issuer;
    console.log(JSON.stringify({ userinfo, accepted, introspected, challenges, same }));
"""


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_step_by_step(base_url: str, admin: FlaskClient, method: str) -> None:
    type_ = "spa" if method == "none" else "web"
    body = {"name": "Shop", "type": type_, "redirectUris": [REDIRECT_URI]}
    made = admin.post("/applications", json=body).json["data"]
    mine = (base_url, made["clientId"], made["clientSecret"])
    asked = {"redirectUri": REDIRECT_URI, "scope": SCOPE, "post": method == "client_secret_post"}
    begun = run_node(SET_UP + BEGIN, *mine, asked)
    browser = Browser(base_url)
    landed = sign_up_and_allow(browser.get(begun["url"]), browser)
    done: dict[str, Any] = run_node(SET_UP + FINISH, *mine, {**asked, **begun, "url": landed})
    assert done["userinfo"]["email"] == EMAIL
    assert done["accepted"]["sub"] == done["userinfo"]["sub"]
    assert done["accepted"]["client_id"] == made["clientId"]
    if method != "none":
        assert done["introspected"]["active"] is True
    [challenge] = done["challenges"]
    assert challenge["scheme"] == "bearer"
    assert challenge["parameters"]["error"] == "invalid_token"
    assert done["same"]
