"""The operations of msidp that are measured, each as a maker of requests and a check of the answers."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.load import Answer, Load, request
from msidp.demo.browser import Browser

REDIRECT_URI = "https://client.example/callback"  # nobody goes there: the load reads the redirect
EMAIL = "bench@example.com"  # the member's
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid profile email offline_access"


@dataclass
class Site:
    """A running msidp with what the operations need: an application, a member, its session."""

    load: Load
    base_url: str
    api_key: str = ""
    client: dict[str, str] = field(default_factory=dict)
    cookie: str = ""
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    refresh_tokens: list[str] = field(default_factory=list)
    access_token: str = ""
    webhooks: int = 0

    def prepare(self, api_key: str) -> None:
        """Register an application and sign a member up."""
        self.api_key = api_key
        self.client = self.register("Bench")
        browser = Browser()
        page = browser.open(f"{self.base_url}/signup")
        form = page.form_with("password")
        known = {"email": EMAIL, "password": self.password, "name": "Bench"}
        browser.submit(form, **{name: value for name, value in known.items() if name in form.values})
        self.cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)

    @property
    def metadata(self) -> Any:
        """The discovery document."""
        (answer,) = self.load.send([request("GET", "/.well-known/openid-configuration")])
        return answer.json

    def register(self, name: str, **fields: Any) -> dict[str, str]:
        """Register an application that asks for no consent; how it authenticates."""
        body = {"name": name, "type": "web", "redirectUris": [REDIRECT_URI], "skipConsent": True, **fields}
        made = self.admin("POST", "/applications", body)["data"]
        return {"client_id": made["clientId"], "client_secret": made["clientSecret"]}

    def add_webhook(self, url: str) -> None:
        """Register a webhook for every event."""
        body = {"name": "Bench", "url": url, "dialect": "memberstack", "events": []}
        self.admin("POST", "/webhooks", body)
        self.webhooks += 1

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the Admin API."""
        (answer,) = self.load.send([request(method, path, {"X-API-KEY": self.api_key}, json_body=body)])
        assert answer.status in (200, 201), (method, path, answer)
        return answer.json

    def codes(self, count: int, client: dict[str, str] | None = None) -> list[str]:
        """Authorization codes of an application, ready to be redeemed."""
        query = {
            "response_type": "code",
            "client_id": (client or self.client)["client_id"],
            "redirect_uri": REDIRECT_URI,
            "scope": SCOPE,
            "state": "s",
            "nonce": "n",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        asking = request("GET", f"/authorize?{urlencode(query)}", {"Cookie": self.cookie})
        answers = self.load.send([asking] * count)
        assert {answer.status for answer in answers} <= {302, 303}, answers[0]
        return [parse_qs(urlsplit(answer.headers["location"]).query)["code"][0] for answer in answers]

    def remember(self, answers: Sequence[Answer]) -> None:
        """Keep the tokens of these answers for what comes next."""
        self.refresh_tokens += [answer.json["refresh_token"] for answer in answers]
        self.access_token = answers[-1].json["access_token"]


@dataclass(frozen=True)
class Operation:
    """`make` gives that many requests; `done` sees their answers. Neither is measured."""

    name: str
    make: Callable[[int], list[bytes]]
    done: Callable[[Sequence[Answer]], None] = lambda _answers: None
    goal: float | None = None  # microseconds of CPU


def of_the_provider(site: Site) -> list[Operation]:
    """The token endpoint's grants, and userinfo."""

    def redeem(count: int) -> list[bytes]:
        fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return [_token(site.client, **fields, code=code) for code in site.codes(count)]

    def refresh(count: int) -> list[bytes]:
        tokens, site.refresh_tokens = site.refresh_tokens[:count], site.refresh_tokens[count:]
        assert len(tokens) == count
        return [_token(site.client, grant_type="refresh_token", refresh_token=token) for token in tokens]

    def userinfo(count: int) -> list[bytes]:
        return [request("GET", "/userinfo", {"Authorization": f"Bearer {site.access_token}"})] * count

    found = [
        Operation("token: code exchange", redeem, done=site.remember, goal=1800),
        Operation("token: refresh", refresh, done=site.remember),
        Operation("userinfo", userinfo),
    ]
    if "client_credentials" in site.metadata["grant_types_supported"]:
        made = site.admin("POST", "/applications", {"name": "Bench machine", "type": "machine"})["data"]
        machine = {"client_id": made["clientId"], "client_secret": made["clientSecret"]}
        asking = _token(machine, grant_type="client_credentials")
        found.insert(2, Operation("token: client credentials", lambda count: [asking] * count))
    return found


def of_members(site: Site) -> list[Operation]:
    """The Admin API's busiest calls. The members have no password: hashing one is slow by design."""
    key = {"X-API-KEY": site.api_key}

    def read(count: int) -> list[bytes]:
        return [request("GET", f"/members/{EMAIL}", key)] * count

    def create(count: int) -> list[bytes]:
        return new_members(site, count)

    return [Operation("member read", read), Operation("member create", create)]


def new_members(site: Site, count: int) -> list[bytes]:
    """Requests that create so many members."""
    emails = [f"{secrets.token_hex(8)}@example.com" for _ in range(count)]
    key = {"X-API-KEY": site.api_key}
    return [request("POST", "/members", key, json_body={"email": email}) for email in emails]


def _token(client: dict[str, str], **form: str) -> bytes:
    return request("POST", "/token", form={**client, **form})
