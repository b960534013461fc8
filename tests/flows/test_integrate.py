"""The guides of docs/integrate/: their examples run as they stand, against a real server."""

import os
import subprocess
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import requests
from flask.testing import FlaskClient
from tests.support.apache import apache
from tests.support.forms import Browser, Page
from tests.support.instance import eventually
from tests.support.node import NODE, ROOT, run_node
from tests.support.pages import example
from tests.support.ports import free_port

pytestmark = pytest.mark.database("sqlite")
ISSUER = "https://id.example.com"
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


@pytest.fixture
def ada(admin: FlaskClient) -> str:
    """A member, by her id."""
    member = {"email": EMAIL, "password": PASSWORD, "profile": {"name": "Ada"}}
    made: str = admin.post("/members", json=member).json["data"]["id"]
    return made


def register(admin: FlaskClient, type_: str, **fields: Any) -> dict[str, Any]:
    answer = admin.post("/applications", json={"name": "Forum", "type": type_, **fields})
    assert answer.status_code == 200, answer.json
    made: dict[str, Any] = answer.json["data"]
    return made


def sign_in(browser: Browser, page: Page) -> str:
    """Log in and allow; where the browser is sent from there."""
    page = browser.submit(page.form(), email=EMAIL, password=PASSWORD)
    page = browser.submit(page.form("/authorize/consent"), button="Allow")
    assert page.redirect is not None, page.text
    return page.redirect


def refusal(sent: str | None, issuer: str) -> str:
    """Where the browser comes back to from a request that the member refused."""
    assert sent is not None
    state = parse_qs(urlsplit(sent).query)["state"][0]
    answer = {"error": "access_denied", "error_description": "no, <b>not</b> today", "state": state}
    return f"/callback?{urlencode(answer | {'iss': issuer})}"


class Person:
    """A browser that goes to and fro between an application and the provider."""

    def __init__(self, application: str, issuer: str) -> None:
        self.application = Browser(application)
        self.provider = Browser(issuer)

    def sign_in(self, path: str) -> Page:
        sent = self.application.get(path).redirect
        assert sent is not None
        return self.application.get(sign_in(self.provider, self.provider.get(sent)))

    def is_signed_in(self) -> bool:
        return self.provider.get("/account").path == "/account"


@pytest.mark.usefixtures("ada")
def test_web_in_node(base_url: str, admin: FlaskClient) -> None:
    port = free_port()
    home = f"http://127.0.0.1:{port}"
    back = {"redirectUris": [f"{home}/callback"], "postLogoutRedirectUris": [f"{home}/"]}
    made = register(admin, "web", **back)
    with node_server(example("integrate/web.md", "js"), port, base_url, made) as application:
        person = Person(application, base_url)
        assert person.application.get("/").html == "Nobody is signed in"
        sent = person.application.get("/logout").redirect
        assert sent is not None
        assert "id_token_hint" not in sent
        refused = person.application.get(refusal(person.application.get("/login").redirect, base_url))
        assert (refused.status, refused.html) == (400, "Not signed in: no, <b>not</b> today")
        assert refused.headers["Content-Type"] == "text/plain"  # what the address says is no HTML
        assert person.sign_in("/login").html == f"Hello {EMAIL}"
        sent = person.application.get("/logout").redirect
        assert sent is not None
        assert person.provider.get(sent).redirect == f"{home}/"
        assert not person.is_signed_in()
        assert person.application.get("/").html == "Nobody is signed in"


@contextmanager
def node_server(script: str, port: int, issuer: str, made: dict[str, Any]) -> Iterator[str]:
    home = f"http://127.0.0.1:{port}"
    settings = {
        "HOME_URL": home,
        "PORT": str(port),
        "ISSUER": issuer,
        "CLIENT_ID": made["clientId"],
        "CLIENT_SECRET": made["clientSecret"],
    }
    process = subprocess.Popen(
        [NODE, "--input-type=module", "--eval", script], cwd=ROOT, env=os.environ | settings
    )
    try:
        eventually(lambda: process.poll() is not None or _listens(home), timeout=30)
        yield home
    finally:
        process.terminate()
        process.wait(20)


def _listens(home: str) -> bool:
    try:
        return requests.get(home, timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.usefixtures("ada")
def test_web_in_flask(base_url: str, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    back = {"redirectUris": ["http://localhost/callback"], "postLogoutRedirectUris": ["http://localhost/"]}
    made = register(admin, "web", **back)
    settings = {
        "SESSION_KEY": "for tests",
        "ISSUER": base_url,
        "CLIENT_ID": made["clientId"],
        "CLIENT_SECRET": made["clientSecret"],
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {"__name__": "forum"}
    exec(example("integrate/web.md", "python"), names)  # noqa: S102  # our own page
    forum = names["app"].test_client()
    assert forum.get("/").text == "Nobody is signed in"
    refused = forum.get(refusal(forum.get("/login").headers["Location"], base_url))
    assert (refused.status_code, refused.json) == (400, {"not signed in": "no, <b>not</b> today"})
    browser = Browser(base_url)
    landed = sign_in(browser, browser.get(forum.get("/login").headers["Location"]))
    assert forum.get(landed).status_code == 302
    assert forum.get("/").text == f"Hello {EMAIL}"
    sent = browser.get(forum.get("/logout").headers["Location"]).redirect
    assert sent is not None
    assert sent.startswith("http://localhost/?state=")
    assert browser.get("/account").path == "/login"
    assert forum.get("/").text == "Nobody is signed in"


def test_web_behind_apache(base_url: str, admin: FlaskClient, ada: str) -> None:
    port = free_port()
    home = f"http://127.0.0.1:{port}"
    back = {"redirectUris": [f"{home}/callback"], "postLogoutRedirectUris": [f"{home}/"]}
    made = register(admin, "web", **back)
    configuration = example("integrate/web.md", "apache")
    for placeholder, value in {
        ISSUER: base_url,
        "client_…": made["clientId"],
        "cs_…": made["clientSecret"],
        "https://forum.example": home,
    }.items():
        assert placeholder in configuration
        configuration = configuration.replace(placeholder, value)
    told = 'Header set X-Person "%{OIDC_CLAIM_sub}e %{OIDC_CLAIM_email}e %{OIDC_CLAIM_name}e"\n'
    with apache(port, configuration + told, "The forum") as application:
        person = Person(application, base_url)
        page = person.sign_in("/page.html")
        assert page.html == "The forum"
        assert page.headers["X-Person"] == f"{ada} {EMAIL} Ada"
        sent = person.application.get(f"/callback?logout={home}/").redirect
        assert sent is not None
        assert sent.startswith(f"{base_url}/end-session")
        assert person.provider.get(sent).redirect == f"{home}/"
        assert not person.is_signed_in()


def test_native(
    base_url: str,
    admin: FlaskClient,
    ada: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = register(admin, "native", redirectUris=["http://127.0.0.1/callback"])

    def walk(url: str) -> None:
        browser = Browser(base_url)
        requests.get(sign_in(browser, browser.get(url)), timeout=10)

    monkeypatch.setattr(webbrowser, "open", lambda url: threading.Thread(target=walk, args=(url,)).start())
    tool = example("integrate/native.md", "python").replace(ISSUER, base_url)
    names: dict[str, Any] = {"__name__": "tool"}
    exec(tool.replace("client_…", made["clientId"]), names)  # noqa: S102
    assert capsys.readouterr().out == f"signed in: {ada}\n"
    assert names["tokens"]["refresh_token"]


def test_device(base_url: str, admin: FlaskClient, ada: str) -> None:
    grants = ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]
    made = register(admin, "native", grantTypes=grants)
    script = example("integrate/native.md", "js").replace(ISSUER, base_url)
    script = script.replace("client_…", made["clientId"])
    device = subprocess.Popen(
        [NODE, "--input-type=module", "--eval", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert device.stdout is not None
    _, address, _, _, code = device.stdout.readline().split()
    phone = Browser(base_url)
    page = phone.submit(phone.get(address).form(), email=EMAIL, password=PASSWORD)
    assert code in page.text
    page = phone.submit(page.form("/device/confirm"), button="Connect")
    assert "Forum is connected" in page.text
    assert device.communicate(timeout=60)[0] == f"signed in: {ada}\n"


def test_machine_and_the_api_it_calls(base_url: str, admin: FlaskClient) -> None:
    made = register(admin, "machine", scopes=["reports:read", "reports:write"])
    names: dict[str, Any] = {}
    exec(example("integrate/machine.md", "python"), names)  # noqa: S102
    machine = names["Machine"](base_url, made["clientId"], made["clientSecret"])
    header = machine.authorization()
    assert machine.authorization() == header  # kept
    claims = by_pyjwt(base_url, made["clientId"])(header["Authorization"].removeprefix("Bearer "))
    assert (claims["sub"], claims["scope"]) == (made["clientId"], "reports:read")


def by_pyjwt(issuer: str, client_id: str) -> Any:
    """The function of api.md that verifies a token."""
    text = example("integrate/api.md", "python", "PyJWKClient")
    names: dict[str, Any] = {}
    exec(text.replace(ISSUER, issuer).replace("client_…", client_id), names)  # noqa: S102
    return names["verified"]


@pytest.fixture
def tokens(base_url: str, admin: FlaskClient, ada: str) -> dict[str, str]:
    """A member's tokens, and the client id."""
    made = register(admin, "web", redirectUris=["http://127.0.0.1:9/cb"])
    browser = Browser(base_url)
    query = f"response_type=code&client_id={made['clientId']}&redirect_uri=http://127.0.0.1:9/cb"
    landed = sign_in(browser, browser.get(f"/authorize?{query}&scope=openid%20profile"))
    form = {
        "grant_type": "authorization_code",
        "code": landed.split("code=")[1].split("&")[0],
        "redirect_uri": "http://127.0.0.1:9/cb",
    }
    credentials = (made["clientId"], made["clientSecret"])
    answer = requests.post(f"{base_url}/token", data=form, auth=credentials, timeout=10).json()
    return {**answer, "client_id": made["clientId"], "member": ada}


def test_api_with_the_sdk(base_url: str, tokens: dict[str, str]) -> None:
    text = example("integrate/api.md", "python", "AdminClient").replace(ISSUER, base_url)
    names: dict[str, Any] = {"__name__": "api"}
    exec(text.replace("client_…", tokens["client_id"]), names)  # noqa: S102
    api = names["app"].test_client()

    def status(authorization: str) -> int:
        return int(api.get("/notes", headers={"Authorization": authorization}).status_code)

    answer = api.get("/notes", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.json == {"notes of": tokens["member"]}
    assert status("") == status(f"Bearer {tokens['id_token']}") == 401
    assert status(f"Basic {tokens['access_token']}") == 401
    assert status(f"Bearer {tokens['access_token'][:-4]}AAAA") == 401


def test_api_with_pyjwt(base_url: str, tokens: dict[str, str]) -> None:
    verified = by_pyjwt(base_url, tokens["client_id"])
    assert verified(tokens["access_token"])["sub"] == tokens["member"]
    with pytest.raises(jwt.InvalidTokenError):
        verified(tokens["id_token"])
    with pytest.raises(jwt.InvalidTokenError):
        by_pyjwt(base_url, "client_of_another")(tokens["access_token"])


def test_api_in_node(base_url: str, tokens: dict[str, str]) -> None:
    script = example("integrate/api.md", "js").replace(ISSUER, base_url)
    script = script.replace("client_…", tokens["client_id"])
    ask = """
    const refused = (token) => verified(token).then(() => null, (error) => error.code);
    const { sub } = await verified(args[0]);
    console.log(JSON.stringify([sub, await refused(args[1]), await refused('a.b.c')]));
    """
    sub, id_token, nonsense = run_node(script + ask, tokens["access_token"], tokens["id_token"])
    assert sub == tokens["member"]
    assert id_token == "ERR_JWT_CLAIM_VALIDATION_FAILED"
    assert nonsense
