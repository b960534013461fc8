"""A client application: logs people in with msidp by the authorization code flow with PKCE.

What a backend needs for OpenID Connect is all here: discovery, state, nonce and PKCE (RFC 7636), the
code exchange, and the verification of what comes back, which is the admin SDK's part.
"""

import base64
import hashlib
import html
import secrets
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from msidp.admin import AdminClient, InvalidToken, TokenClaims
from msidp.demo.local_server import LocalServer, QuietHandler
from msidp.demo.web import DemoError, Web

SCOPE = "openid profile email offline_access"
_COOKIE = "demo_login"
_MAX_STARTED = 100


@dataclass(frozen=True)
class Started:
    """A log-in under way, found again by its `state`."""

    browser: str  # what the browser's cookie must hold
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Login:
    """A finished log-in. `verified_in` is how long the checks of both tokens took, in seconds."""

    id_claims: TokenClaims
    access_claims: TokenClaims
    tokens: dict[str, Any]
    verified_in: float


class ClientApp:
    """Listens at `url`; `/login` sends the browser to msidp, `/callback` takes it back."""

    def __init__(self, sdk: AdminClient, issuer: str) -> None:
        self._sdk = sdk
        self._web = Web()
        self._started: dict[str, Started] = {}
        self._server = LocalServer(_handler(self))
        self.url = self._server.url
        self.redirect_uri = f"{self.url}/callback"
        self.provider = self._web.send("GET", f"{issuer}/.well-known/openid-configuration").expect(200).json
        self.client_id = ""
        self.client_secret = ""
        self.logins: list[Login] = []

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> tuple[str, str]:
        """Begin a log-in: the address to send the browser to, and the cookie to give it."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        started = Started(secrets.token_urlsafe(24), secrets.token_urlsafe(24), verifier)
        while len(self._started) >= _MAX_STARTED:
            self._started.pop(next(iter(self._started)))
        self._started[state] = started
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": started.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.provider['authorization_endpoint']}?{urlencode(query)}", started.browser

    def finish(self, query: dict[str, str], browser: str) -> Login:
        """Take the browser back: check the answer, redeem the code, verify the tokens. Raises DemoError."""
        started = self._started.pop(query.get("state", ""), None)
        if started is None or not secrets.compare_digest(started.browser, browser):
            raise DemoError("this log-in was not begun here")
        if query.get("iss") != self.provider["issuer"]:  # RFC 9207: against mix-ups of two providers
            raise DemoError(f"the answer names another issuer: {query.get('iss')!r}")
        if "error" in query:
            raise DemoError(f"msidp refused: {query['error']} {query.get('error_description', '')}")
        tokens = self.ask_for_tokens(
            grant_type="authorization_code",
            code=query.get("code", ""),
            redirect_uri=self.redirect_uri,
            code_verifier=started.verifier,
        )
        login = self._verify(tokens, started.nonce)
        self.logins.append(login)
        return login

    def ask_for_tokens(self, **form: str) -> dict[str, Any]:
        """POST to the token endpoint with the application's credentials. Raises DemoError for a refusal."""
        pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        answer = self._web.send("POST", self.provider["token_endpoint"], headers=headers, form=form)
        tokens: dict[str, Any] = answer.expect(200).json
        return tokens

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """What the provider tells about the member whom this token was issued for."""
        headers = {"Authorization": f"Bearer {access_token}"}
        claims: dict[str, Any] = (
            self._web.send("GET", self.provider["userinfo_endpoint"], headers=headers).expect(200).json
        )
        return claims

    def _verify(self, tokens: dict[str, Any], nonce: str) -> Login:
        began = time.perf_counter()
        try:
            id_claims = self._sdk.verify_token(tokens["id_token"], audience=self.client_id)
            access_claims = self._sdk.verify_token(tokens["access_token"])
        except InvalidToken as error:
            raise DemoError(f"a token does not hold: {error}") from error
        took = time.perf_counter() - began
        if id_claims.kind != "id" or id_claims.raw.get("nonce") != nonce:
            raise DemoError("the ID token is not the answer to this log-in")
        if access_claims.kind != "access" or access_claims.subject != id_claims.subject:
            raise DemoError("the access token is not this member's")
        return Login(id_claims, access_claims, tokens, took)


def _handler(app: ClientApp) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802  # http.server's name
            parts = urlsplit(self.path)
            if parts.path == "/login":
                url, cookie = app.start()
                # 127.0.0.1 has one cookie jar for all its ports, hence the path
                flags = "HttpOnly; SameSite=Lax; Path=/callback"
                self.answer(302, Location=url, Set_Cookie=f"{_COOKIE}={cookie}; {flags}")
            elif parts.path == "/callback":
                self._take_back({name: values[0] for name, values in parse_qs(parts.query).items()})
            elif parts.path == "/":
                self.answer(200, _page("Demo application", '<p><a href="/login">Log in with msidp</a></p>'))
            else:
                self.answer(404, _page("Not found", ""))

        def _take_back(self, query: dict[str, str]) -> None:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
            browser = cookies[_COOKIE].value if _COOKIE in cookies else ""
            try:
                login = app.finish(query, browser)
                member = app.userinfo(login.tokens["access_token"])
            except DemoError as error:
                self.answer(400, _page("Log-in failed", f"<p>{html.escape(str(error))}</p>"))
                return
            rows = "".join(
                f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
                for name, value in {**login.id_claims.raw, **member}.items()
            )
            again = '<p><a href="/login">Log in again</a></p>'
            self.answer(200, _page("Logged in", f"<table>{rows}</table>{again}"))

    return Handler


def _page(title: str, content: str) -> str:
    style = "body{font:16px/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem}th{text-align:left}"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{title}</h1>{content}</body></html>'
