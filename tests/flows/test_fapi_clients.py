"""The FAPI 2.0 Security Profile with openid-client and oauth4webapi, unmodified.

Pushed requests, private_key_jwt, PKCE, DPoP from the first request on, ES256 throughout.
"""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from tests.flows.test_openid_client import EMAIL, REDIRECT_URI, SCOPE, sign_up_and_allow
from tests.support.forms import Browser
from tests.support.node import run_node

from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")

KEYS = """
    const [issuer, clientId, keys, more] = args;
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const read = (jwk, use) => crypto.subtle.importKey('jwk', jwk, algorithm, true, use);
    const signing = await read(keys.signing, ['sign']);
    const { d, ...publicJwk } = keys.dpop;
    const dpopKeys = {
        privateKey: await read(keys.dpop, ['sign']), publicKey: await read(publicJwk, ['verify']),
    };
    const params = {
        redirect_uri: more.redirectUri, scope: more.scope,
        response_type: 'code', code_challenge_method: 'S256',
    };
"""
OPENID_CLIENT = """
    import * as client from 'openid-client';
    const auth = client.PrivateKeyJwt({ key: signing, kid: 'one' });
    const config = await client.discovery(new URL(issuer), clientId,
        { id_token_signed_response_alg: 'ES256' }, auth, { execute: [client.allowInsecureRequests] });
    client.enableNonRepudiationChecks(config);
    const DPoP = client.getDPoPHandle(config, dpopKeys);
"""
OPENID_CLIENT_BEGIN = """
    const verifier = client.randomPKCECodeVerifier();
    const checks = { pkceCodeVerifier: verifier, expectedNonce: client.randomNonce() };
    const url = await client.buildAuthorizationUrlWithPAR(config, {
        ...params, nonce: checks.expectedNonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
    }, { DPoP });
    console.log(JSON.stringify({ url: url.href, checks }));
"""
OPENID_CLIENT_FINISH = """
    const tokens = await client.authorizationCodeGrant(
        config, new URL(more.url), more.checks, undefined, { DPoP });
    const { sub } = tokens.claims();
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
    const again = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    const introspected = await client.tokenIntrospection(config, again.access_token);
    const { token_type: type, access_token: token } = again;
    console.log(JSON.stringify({ type, userinfo, token, introspected }));
"""
OAUTH4WEBAPI = """
    import * as oauth from 'oauth4webapi';
    const http = { [oauth.allowInsecureRequests]: true };
    const at = new URL(issuer);
    const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, http));
    const client = { client_id: clientId, id_token_signed_response_alg: 'ES256' };
    const auth = oauth.PrivateKeyJwt({ key: signing, kid: 'one' });
    const DPoP = oauth.DPoP(client, dpopKeys);
"""
OAUTH4WEBAPI_BEGIN = """
    const verifier = oauth.generateRandomCodeVerifier();
    const nonce = oauth.generateRandomNonce();
    const pushed = await oauth.processPushedAuthorizationResponse(as, client,
        await oauth.pushedAuthorizationRequest(as, client, auth, { ...params, nonce,
            code_challenge: await oauth.calculatePKCECodeChallenge(verifier) }, { ...http, DPoP }));
    const to = new URL(as.authorization_endpoint);
    to.search = new URLSearchParams({ client_id: clientId, request_uri: pushed.request_uri });
    console.log(JSON.stringify({ url: to.href, verifier, nonce }));
"""
OAUTH4WEBAPI_FINISH = """
    const answer = oauth.validateAuthResponse(as, client, new URL(more.url), oauth.expectNoState);
    const response = await oauth.authorizationCodeGrantRequest(
        as, client, auth, answer, more.redirectUri, more.verifier, { ...http, DPoP });
    const tokens = await oauth.processAuthorizationCodeResponse(
        as, client, response, { expectedNonce: more.nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, response, http);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const userinfo = await oauth.processUserInfoResponse(as, client, sub,
        await oauth.userInfoRequest(as, client, tokens.access_token, { ...http, DPoP }));
    const again = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(
        as, client, auth, tokens.refresh_token, { ...http, DPoP }));
    const introspected = await oauth.processIntrospectionResponse(as, client,
        await oauth.introspectionRequest(as, client, auth, again.access_token, http));
    const { token_type: type, access_token: token } = again;
    console.log(JSON.stringify({ type, userinfo, token, introspected }));
"""
CLIENTS = {
    "openid-client": (OPENID_CLIENT + OPENID_CLIENT_BEGIN, OPENID_CLIENT + OPENID_CLIENT_FINISH),
    "oauth4webapi": (OAUTH4WEBAPI + OAUTH4WEBAPI_BEGIN, OAUTH4WEBAPI + OAUTH4WEBAPI_FINISH),
}


def new_jwk() -> dict[str, Any]:
    """A private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    jwk: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key))
    return {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "d")}


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """With DPoP nonces or without: openid-client sends again what lacks one, oauth4webapi does not."""
    return settings.model_copy(update={"dpop_nonces": request.param})


@pytest.mark.parametrize(
    ("name", "settings"),
    [("openid-client", False), ("oauth4webapi", False), ("openid-client", True)],
    indirect=["settings"],
)
def test_the_whole_profile(base_url: str, admin: FlaskClient, name: str) -> None:
    keys = {"signing": new_jwk(), "dpop": new_jwk()}
    public = {member: value for member, value in keys["signing"].items() if member != "d"}
    body = {
        "name": "Shop",
        "type": "web",
        "securityProfile": "fapi2",
        "redirectUris": [REDIRECT_URI],
        "jwks": {"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]},
    }
    answer = admin.post("/applications", json=body)
    assert answer.status_code == 200, answer.json
    client_id = answer.json["data"]["clientId"]
    begin, finish = CLIENTS[name]
    asked = {"redirectUri": REDIRECT_URI, "scope": SCOPE}
    begun = run_node(KEYS + begin, base_url, client_id, keys, asked)
    browser = Browser(base_url)
    landed = sign_up_and_allow(browser.get(begun["url"]), browser)
    done = run_node(KEYS + finish, base_url, client_id, keys, {**asked, **begun, "url": landed})
    assert done["type"] == "dpop"
    assert done["userinfo"]["email"] == EMAIL
    bound = jwt.decode(done["token"], options={"verify_signature": False})["cnf"]
    assert done["introspected"]["cnf"] == bound
    assert set(bound) == {"jkt"}
