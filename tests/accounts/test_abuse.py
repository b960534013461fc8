"""What must not work: forged forms, framing, open redirects, finding out addresses, floods, hostile input."""

import re
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from msidp import db
from msidp.accounts import continuation
from msidp.accounts.continuation import Continuation
from msidp.app import create_app
from msidp.settings import Settings
from msidp.vault import passwords

pytestmark = pytest.mark.database("sqlite")

PASSWORD = "correct horse"
FORM = {"email": "ada@example.com", "password": PASSWORD}
PAGES = ["/login", "/signup", "/logout", "/account", "/no-such-page"]


def token(client: FlaskClient, path: str = "/login", **options: Any) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path, **options).text)
    assert found is not None
    return found[1]


def post(
    client: FlaskClient, path: str, headers: dict[str, str] | None = None, **fields: str
) -> TestResponse:
    """Send a form with a good token, which a present-day browser would do."""
    data = {"csrf_token": token(client, path), **fields}
    return client.post(path, data=data, headers=headers)


@pytest.fixture
def member(app: Flask) -> None:
    """ada@example.com, who signed up with another browser."""
    assert post(app.test_client(), "/signup", **FORM).status_code == 303


def logged_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


# Forged forms


def test_a_form_without_this_browsers_token(app: Flask, member: None) -> None:
    for forged in (None, "", "garbage", token(app.test_client())):
        for path in ("/login", "/signup"):
            client = app.test_client()
            client.get(path)
            answer = client.post(path, data=FORM if forged is None else {**FORM, "csrf_token": forged})
            assert answer.status_code == 400
            assert "Please try again." in answer.text
            assert 'value="ada@example.com"' in answer.text
            assert not logged_in(client)
            again = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
            assert again is not None  # and the page that comes back can be sent
            assert client.post(path, data={**FORM, "csrf_token": again[1]}).status_code == 303


ORIGINS: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"Origin": "http://localhost"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://localhost.evil.example"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, False),
]


def test_a_form_from_another_site(app: Flask, member: None) -> None:
    for headers, accepted in ORIGINS:
        client = app.test_client()
        answer = post(client, "/login", headers=headers, **FORM)
        assert answer.status_code == (303 if accepted else 400), headers
        assert logged_in(client) is accepted


def test_nobody_is_logged_out_by_another_site(client: FlaskClient, member: None) -> None:
    post(client, "/login", **FORM)
    assert client.post("/logout").status_code == 400
    assert post(client, "/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert client.get("/logout").status_code == 200
    assert logged_in(client)


def test_the_token_is_renewed_by_a_log_in(client: FlaskClient, member: None) -> None:
    planted = token(client)
    client.post("/login", data={**FORM, "csrf_token": planted})
    assert client.post("/logout", data={"csrf_token": planted}).status_code == 400
    assert logged_in(client)


# Headers and cookies


def check_headers(answer: TestResponse) -> None:
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|<style| style=| on\w+=", answer.text)


def test_no_page_can_be_framed_stored_or_scripted(client: FlaskClient) -> None:
    for path in PAGES:
        answer = client.get(path, headers={"Accept": "text/html"})
        if answer.mimetype == "text/html" and answer.status_code != 303:
            check_headers(answer)
    check_headers(post(client, "/login", email="", password=""))
    post(client, "/signup", **FORM)
    for path in ("/account", "/logout"):
        check_headers(client.get(path, headers={"Accept": "text/html"}))


@pytest.fixture
def https(settings: Settings) -> Iterator[FlaskClient]:
    """A client of the application as it is behind https."""
    app = create_app(settings.model_copy(update={"base_url": "https://id.example.com"}))
    with app.app_context():
        yield app.test_client()
        db.dispose()


def test_cookies_over_https(https: FlaskClient) -> None:
    at = "https://id.example.com"
    data = {**FORM, "csrf_token": token(https, "/signup", base_url=at)}
    answer = https.post("/signup", base_url=at, data=data, headers={"Origin": at})
    assert answer.status_code == 303
    cookies = {line.split("=")[0]: set(line.split("; ")[1:]) for line in answer.headers.getlist("Set-Cookie")}
    assert {"__Host-msidp_session"} <= set(cookies) <= {"__Host-msidp_session", "__Host-msidp_form"}
    for attributes in cookies.values():
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


# Open redirects and injected markup

ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
]


def test_next_leads_nowhere_else(client: FlaskClient, app: Flask, member: None) -> None:
    for next_ in ELSEWHERE:
        page = client.get(f"/login?next={quote(next_)}").text
        assert "evil" not in page
        assert "alert" not in page
        browser = app.test_client()
        assert post(browser, "/login", next=next_, **FORM).location == "/account"
        for path in ("/login", "/signup"):
            assert browser.get(f"{path}?next={quote(next_)}").location == "/account"


@pytest.mark.parametrize("path", ["/login", "/signup"])
def test_what_is_echoed_is_escaped(client: FlaskClient, path: str) -> None:
    attack = "\"'><script>alert(1)</script>{{ 7*7 }}"
    pages = [
        client.get(f"{path}?login_hint={quote(attack)}&next={quote('/' + attack)}").text,
        post(client, path, email=attack, password=attack, name=attack * 9, next="/" + attack).text,
        client.get(f"/{quote(attack)}?x={quote(attack)}", headers={"Accept": "text/html"}).text,
    ]
    for page in pages:
        assert "<script" not in page
        assert "49" not in re.sub(r'value="[^"]*"|req_\w+|v=\w+', "", page)
    assert "&lt;script&gt;" in pages[1]


def test_the_application_ahead_is_named_and_escaped(client: FlaskClient, app: Flask, member: None) -> None:
    ahead = Continuation("<b>Acme</b>")
    continuation.register(app, lambda path: ahead if path == "/authorize?r=1" else None)
    for path in ("/login", "/signup"):
        answer = client.get(f"{path}?next=/authorize?r=1")
        assert "&lt;b&gt;Acme&lt;/b&gt;" in answer.text
        assert "form-action" not in answer.headers["Content-Security-Policy"]  # it may lead on to anywhere
        other = client.get(f"{path}?next=/authorize?r=2")
        assert "Acme" not in other.text
        assert other.headers["Content-Security-Policy"].endswith("; form-action 'self'")
    failed = post(client, "/login", next="/authorize?r=1", email="ada@example.com", password="wrong")
    assert "form-action" not in failed.headers["Content-Security-Policy"]
    assert post(client, "/login", next="/authorize?r=1", **FORM).location == "/authorize?r=1"
    # The application asked for a new log-in: the page does not bounce, and knows who it expects.
    assert 'value="ada@example.com"' in client.get("/login?next=/authorize?r=1").text
    assert (
        'value="bob@example.com"' in client.get("/login?next=/authorize?r=1&login_hint=bob@example.com").text
    )


# Finding out who has an account


class Work:
    """Counts what argon2 is asked to do, and does it."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.done: list[str] = []

    def verify(self, *args: str) -> bool:
        self._note("verify")
        return bool(self.real.verify(*args))

    def hash(self, *args: str) -> str:
        self._note("hash")
        return str(self.real.hash(*args))

    def check_needs_rehash(self, stored: str) -> bool:
        return bool(self.real.check_needs_rehash(stored))

    def _note(self, name: str) -> None:
        assert db.db.engine.pool.checkedout() == 0, "a database connection is held while hashing"
        self.done.append(name)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, member: None) -> Work:
    counting = Work(passwords._argon2)
    monkeypatch.setattr(passwords, "_argon2", counting)
    return counting


def essence(answer: TestResponse, *addresses: str) -> tuple[int, str, list[str]]:
    """What an answer tells, without what differs by nature."""
    text = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text)
    for address in addresses:
        text = text.replace(address, "")
    return answer.status_code, text, sorted(name for name, _ in answer.headers)


def test_an_unknown_account_looks_like_a_wrong_password(client: FlaskClient, work: Work) -> None:
    known, unknown = "ada@example.com", "eve@example.com"
    wrong = essence(post(client, "/login", email=known, password="wrong password"), known)
    assert wrong[0] == 401
    assert work.done == ["verify"]
    for email in (unknown, "no address", "a\0@example.com", "x" * 300 + "@example.com"):
        work.done.clear()
        answer = post(client, "/login", email=email, password="wrong password")
        assert essence(answer, email) == wrong
        assert work.done == ["verify"]


def test_no_password_costs_less(client: FlaskClient, work: Work) -> None:
    for password in ("x" * 257, "nul\0nul\0", "y" * 60_000):
        work.done.clear()
        assert post(client, "/login", email="ada@example.com", password=password).status_code == 401
        assert work.done == ["verify"]


def test_a_sign_up_costs_one_hash_whoever_it_is(client: FlaskClient, app: Flask, work: Work) -> None:
    assert post(client, "/signup", email="ada@example.com", password="wrong password").status_code == 422
    assert work.done == ["verify"]
    work.done.clear()
    assert post(client, "/signup", email="new@example.com", password="wrong password").status_code == 303
    assert work.done == ["hash"]
    work.done.clear()
    assert post(app.test_client(), "/signup", **FORM).status_code == 303
    assert work.done == ["verify"]


# Floods


@pytest.mark.database("sqlite", "postgresql")
def test_a_full_pool_answers_503_at_once(
    client: FlaskClient, member: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = passwords.HashingPool(turns=1, places=0, max_wait=30)
    monkeypatch.setattr(passwords, "pool", pool)
    with pool.turn():
        for path in ("/login", "/signup"):
            answer = post(client, path, email="new@example.com", password=PASSWORD)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "5"
            assert 'value="new@example.com"' in answer.text
        assert client.get("/login").status_code == 200
    assert post(client, "/login", **FORM).status_code == 303


@pytest.mark.database("sqlite", "postgresql")
def test_never_more_hashes_at_once_than_turns(
    app: Flask, member: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, lock = 0, 0, threading.Lock()

    class Watched(Work):
        def verify(self, *args: str) -> bool:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            try:
                return bool(self.real.verify(*args))
            finally:
                with lock:
                    running -= 1

    monkeypatch.setattr(passwords, "_argon2", Watched(passwords._argon2))
    monkeypatch.setattr(passwords, "pool", passwords.HashingPool(turns=2, places=4, max_wait=30))
    clients = [app.test_client() for _ in range(12)]
    forms = [{**FORM, "csrf_token": token(client)} for client in clients]
    statuses: list[int] = []
    start = threading.Barrier(len(clients))

    def attempt(client: FlaskClient, form: dict[str, str]) -> None:
        start.wait()
        statuses.append(client.post("/login", data=form).status_code)

    threads = [threading.Thread(target=attempt, args=pair) for pair in zip(clients, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {303, 503}
    assert statuses.count(303) >= 6
    assert most == 2


# Hostile input

FORM_TYPE = "application/x-www-form-urlencoded"
BODIES = [
    (b"email=%ff%fe&password=%ff%fe%fd%fc%fb%fa%f9%f8", FORM_TYPE),
    (b"email=\xff\xfe&password=\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", FORM_TYPE),
    (b"email=a%40b.example&password=%ED%A0%80%ED%A0%80%ED%A0%80", FORM_TYPE),
    (b"email=a%00b%40c.example&password=nul%00nulnul", FORM_TYPE),
    (b"email=a@b.example&password=longenough&name=%00", FORM_TYPE),
    (b"email=a@b.example&email=c@d.example&password=1&password=2", FORM_TYPE),
    (b"email[]=a&password[x]=b", FORM_TYPE),
    (b'{"email": "a@b.example", "password": "longenough"}', "application/json"),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
    (b"", "multipart/form-data"),
    (b"&" * 5000, FORM_TYPE),
    (b"a=1&" * 2000, FORM_TYPE),
    (b"password=" + b"x" * 600_000, FORM_TYPE),
    (b"password=" + b"x" * 10_000_000, FORM_TYPE),
]


@pytest.mark.parametrize("path", ["/login", "/signup", "/logout"])
def test_hostile_bodies(client: FlaskClient, path: str) -> None:
    for body, content_type in BODIES:
        header = {"X-CSRF-Token": token(client)}
        answer = client.post(path, data=body, content_type=content_type, headers=header)
        allowed = {400, 401, 413, 422} | ({303} if path == "/logout" else set())
        assert answer.status_code in allowed, (body[:80], content_type)
    assert not logged_in(client)


def test_hostile_queries(client: FlaskClient) -> None:
    for path in ("/login", "/signup", "/logout", "/"):
        for query in (
            "next=%00",
            "login_hint=%00%01",
            "next=" + "/a" * 9000,
            "next=/a&next=//b",
            "&&&=",
            "a%",
        ):
            assert client.get(f"{path}?{query}").status_code in (200, 303), query
        for query in ("next=%ff", "next=/%ED%A0%80", "login_hint=%c3"):
            assert client.get(f"{path}?{query}").status_code == 400, query


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(data=st.dictionaries(st.sampled_from(["email", "password", "name", "next"]), st.binary(max_size=60)))
def test_any_bytes_in_any_field(client: FlaskClient, data: dict[str, bytes]) -> None:
    body = "&".join(f"{name}={quote(value)}" for name, value in data.items())
    for path in ("/login", "/signup"):
        header = {"X-CSRF-Token": token(client)}
        answer = client.post(path, data=body, content_type=FORM_TYPE, headers=header)
        assert answer.status_code in (400, 401, 422)
