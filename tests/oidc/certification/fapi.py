"""A client of the FAPI 2.0 Security Profile: private_key_jwt, pushed requests, PKCE and DPoP."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from tests.oidc.certification.conftest import CALLBACK, EMAIL, PASSWORD, TIMEOUT, Site, Tokens
from tests.support.forms import Browser, Page

from msidp.oidc import pkce

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = {"code_challenge": pkce.challenge_of(VERIFIER), "code_challenge_method": "S256"}


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: Any) -> dict[str, Any]:
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwk


def thumbprint(key: Any) -> str:
    """RFC 7638."""
    jwk = public_jwk(key)
    members = ",".join(f'"{name}":"{jwk[name]}"' for name in ("crv", "kty", "x", "y"))
    return half(hashlib.sha256(f"{{{members}}}".encode()).digest())


def half(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Fapi:
    """The client, its two keys, and the browser in front of it."""

    site: Site
    browser: Browser
    key: Any = field(default_factory=new_key)
    dpop_key: Any = field(default_factory=new_key)
    client_id: str = ""

    def register(self, **fields: Any) -> "Fapi":
        jwks = {"keys": [{**public_jwk(self.key), "kid": "one", "use": "sig", "alg": "ES256"}]}
        body = {
            "name": "Bank",
            "type": "web",
            "securityProfile": "fapi2",
            "redirectUris": [CALLBACK],
            "jwks": jwks,
        }
        self.client_id = self.site.admin("/applications", body | fields)["clientId"]
        return self

    def assertion(self, *, algorithm: str = "ES256", key: Any = None, **changes: Any) -> dict[str, str]:
        """The client authentication (RFC 7523). A change to None leaves the claim out."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.site.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(16),
        } | changes
        present = {name: value for name, value in claims.items() if value is not None}
        signed = jwt.encode(present, key or self.key, algorithm, headers={"kid": "one"})
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}

    def proof(
        self, url: str, method: str = "POST", access_token: str | None = None, key: Any = None, **changes: Any
    ) -> str:
        """A DPoP proof (RFC 9449, section 4.2). A change to None leaves the claim out."""
        signer = key or self.dpop_key
        claims: dict[str, Any] = {
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(16),
        }
        if access_token is not None:
            claims["ath"] = half(hashlib.sha256(access_token.encode()).digest())
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, signer, "ES256", headers={"typ": "dpop+jwt", "jwk": public_jwk(signer)})

    def request(self, **changes: str | None) -> dict[str, str]:
        """What is pushed. None leaves a parameter out."""
        whole = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            **CHALLENGE,
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def push(
        self, request: dict[str, str], *, proof: str | None = None, **assertion: Any
    ) -> requests.Response:
        headers = {"DPoP": proof} if proof else {}
        return requests.post(
            self.par, data=request | self.assertion(**assertion), headers=headers, timeout=TIMEOUT
        )

    @property
    def par(self) -> str:
        return f"{self.site.issuer}/par"

    @property
    def token_endpoint(self) -> str:
        return f"{self.site.issuer}/token"

    def visit(self, request_uri: str, client_id: str | None = None, **more: str) -> Page:
        """The browser, sent with the pushed request."""
        query = {"client_id": client_id or self.client_id, "request_uri": request_uri, **more}
        return self.browser.get(f"/authorize?{urlencode(query)}")

    def begin(self, request: dict[str, str], **options: Any) -> Page:
        pushed = self.push(request, **options)
        assert pushed.status_code == 201, pushed.text
        return self.visit(pushed.json()["request_uri"])

    def finish(self, page: Page, button: str = "Allow") -> dict[str, str]:
        """What comes to the redirect URI, always with the issuer (RFC 9207)."""
        if page.path == "/login":
            page = self.browser.submit(page.form(), email=EMAIL, password=PASSWORD)
        if page.redirect is None:
            page = self.browser.submit(page.form("/authorize/consent"), button=button)
        assert page.redirect is not None
        answer = dict(parse_qsl(urlsplit(page.redirect).query))
        assert answer["iss"] == self.site.issuer
        return answer

    def code(self, request: dict[str, str], **options: Any) -> str:
        answer = self.finish(self.begin(request, **options))
        assert answer.get("state") == request.get("state")
        return answer["code"]

    def token(
        self, fields: dict[str, str], *, proof: str | None = "", assertion: dict[str, str] | None = None
    ) -> requests.Response:
        """POST /token with a fresh proof; None sends none."""
        proof = self.proof(self.token_endpoint) if proof == "" else proof
        credentials = self.assertion() if assertion is None else assertion
        headers = {} if proof is None else {"DPoP": proof}
        return requests.post(self.token_endpoint, data=fields | credentials, headers=headers, timeout=TIMEOUT)

    def exchange(self, code: str, *, verifier: str | None = VERIFIER, **options: Any) -> requests.Response:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        if verifier is not None:
            fields["code_verifier"] = verifier
        return self.token(fields, **options)

    def tokens(self, request: dict[str, str] | None = None, **options: Any) -> Tokens:
        """The happy flow."""
        asked = request or self.request()
        answer = self.exchange(self.code(asked, **options))
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["token_type"] == "DPoP"
        tokens = Tokens(self.site, self.client_id, body, "ES256")
        assert tokens.claims.get("nonce") == asked.get("nonce")
        return tokens

    def userinfo(self, access_token: str, scheme: str = "DPoP", **proof: Any) -> requests.Response:
        url = f"{self.site.issuer}/userinfo"
        headers = {
            "Authorization": f"{scheme} {access_token}",
            "DPoP": self.proof(url, "GET", access_token, **proof),
        }
        return requests.get(url, headers=headers, timeout=TIMEOUT)
