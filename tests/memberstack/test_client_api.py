"""The Client API: who may call it from where, what it refuses, and what it tells nobody."""

from contextlib import ExitStack

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.accounts.factors.support import add_app
from tests.accounts.mailed.support import code_in, inbox
from tests.accounts.test_abuse import post
from tests.members.support import refusal
from tests.memberstack.conftest import NewVisitor
from tests.memberstack.support import ADA, PASSWORD, Visitor
from tests.support.forms import Browser
from tests.support.threads import at_once

from msidp.accounts import throttle
from msidp.communities.guard import default_community_id
from msidp.vault import passwords

pytestmark = pytest.mark.database("sqlite")
SITE = "https://www.example.com"
PACKAGE_SENDS = "authorization, content-type, referring-path, x-api-key, x-app-id, x-session-id, x-user-agent"


def test_the_public_key(app: Flask, public_key: str, secret_key: str) -> None:
    for key in (
        None,
        "",
        "pk_",
        "pk_unknown",
        secret_key,
        f"{public_key}x",
        f"{public_key} ",
        "pk_\0",
        "pk_é",
    ):
        client = app.test_client()
        if key is not None:
            client.environ_base["HTTP_X_API_KEY"] = key
        for method, path in (
            ("GET", "/app"),
            ("GET", "/member"),
            ("POST", "/auth/login"),
            ("POST", "/event"),
        ):
            assert refusal(client.open(path, method=method)) == (401, "unauthorized"), key
    assert app.test_client().get("/app", headers={"x-ApI-kEy": public_key}).status_code == 200


@pytest.mark.database("sqlite", "postgresql")
def test_pages_of_which_origins(visitor: Visitor, admin: FlaskClient, app: Flask) -> None:
    def preflight(origin: str) -> str | None:
        asked = {"Origin": origin, "Access-Control-Request-Headers": PACKAGE_SENDS}
        asked["Access-Control-Request-Method"] = "DELETE"
        answer = app.test_client().options("/member", headers=asked)
        assert answer.status_code == 200
        assert "Origin" in answer.headers.getlist("Vary")
        allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower().split(", ")
        assert not allowed[0] or {*PACKAGE_SENDS.split(", ")} <= {*allowed}
        return answer.headers.get("Access-Control-Allow-Origin")

    def shared(path: str, origin: str, client: FlaskClient) -> str | None:
        return client.get(path, headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")

    assert preflight(SITE) == SITE
    assert preflight("null") == "null"
    answer = visitor.call("GET", "/app", headers={"Origin": SITE})
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Set-Cookie" not in answer.headers
    assert shared("/app", SITE, app.test_client()) == SITE  # what was refused can be read too
    assert shared("/v1/data-tables", SITE, visitor.client) == SITE

    for odd in ("", "é", "a b", "https://" + "a" * 300, "\x7f"):
        assert preflight(odd) is None

    named = [f"{SITE}/", "HTTPS://München.example:443", "http://localhost:3000", SITE]
    changed = admin.patch("/community", json={"allowedOrigins": named}).json["data"]["allowedOrigins"]
    assert changed == [SITE, "https://xn--mnchen-3ya.example", "http://localhost:3000"]
    assert admin.get("/community").json["data"]["allowedOrigins"] == changed
    for origin in (*changed, "https://evil.example", "null", SITE.upper(), f"{SITE}.evil.example"):
        expected = origin if origin in changed else None
        found = (
            preflight(origin),
            *(shared(path, origin, visitor.client) for path in ("/app", "/v1/data-tables")),
        )
        assert found == (expected,) * 3
        assert shared("/app", origin, app.test_client()) == expected
    assert visitor.call("GET", "/app").status_code == 200  # no page

    for wrong in (
        "*",
        "",
        "www.example.com",
        "https://",
        "ftp://x",
        "https://a/b",
        "https://u:p@a",
        "https://a:x",
    ):
        answer = admin.patch("/community", json={"allowedOrigins": [wrong]})
        assert refusal(answer) == (422, "invalid"), wrong
    assert admin.patch("/community", json={"allowedOrigins": []}).status_code == 200
    assert preflight("https://evil.example") == "https://evil.example"


def test_a_cookie_lets_nobody_in(app: Flask, visitor: Visitor) -> None:
    assert post(visitor.client, "/signup", email=ADA, password=PASSWORD).status_code == 303
    assert visitor.client.get("/account").status_code == 200
    assert not visitor.is_in()
    assert refusal(visitor.call("DELETE", "/member")) == (401, "login-required")


def test_an_old_token_stands_in_nobodys_way(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.post("/member/logout")
    assert visitor.token is not None
    assert visitor.call("GET", "/member").json == {"data": None}
    assert visitor.post("/app-member").json["data"]["member"] is None
    for token in ("x", "é", visitor.token[:-4] + "AAAA", ".", "\0", "a" * 9000, "é.é.é"):
        visitor.token = token
        assert visitor.call("GET", "/member").json == {"data": None}
    visitor.log_in()
    assert visitor.post("/app-member").json["data"]["member"]["auth"]["email"] == ADA


def test_a_second_factor_is_not_gone_around(base_url: str, visitor: Visitor) -> None:
    visitor.sign_up()
    browser = Browser(base_url)
    browser.submit(browser.get("/login").form("/login"), email=ADA, password=PASSWORD)
    add_app(browser)
    asked = (403, "second-factor-required")
    assert refusal(visitor.post("/auth/login", email=ADA, password=PASSWORD)) == asked
    wrong = visitor.post("/auth/login", email=ADA, password="wrong horse")
    assert refusal(wrong) == (401, "invalid-credentials")  # which tells nothing of the second factor
    visitor.post("/auth/passwordless/login/send", email=ADA)
    code = code_in(inbox(base_url, ADA)[0])
    assert refusal(visitor.post("/auth/passwordless/login", email=ADA, passwordlessToken=code)) == asked


def test_where_an_address_is_proved_first(app: Flask, visitor: Visitor, base_url: str) -> None:
    settings = app.extensions["msidp_settings"]
    app.extensions["msidp_settings"] = settings.model_copy(update={"sign_up_proof": True})
    refused = visitor.post("/auth/signup", email=ADA, password=PASSWORD)
    assert refusal(refused) == (403, "email-proof-required")
    visitor.post("/auth/passwordless/signup/send", email=ADA)
    code = code_in(inbox(base_url, ADA)[0])
    made = visitor.enter("/auth/signup", email=ADA, passwordlessToken=code, password=PASSWORD)
    assert (made["verified"], made["auth"]["hasPassword"]) == (True, True)
    taken = visitor.post("/auth/signup", email=ADA, password=PASSWORD)
    assert refusal(taken) == (403, "email-proof-required")


def test_a_code_is_of_its_address_and_has_five_tries(
    visitor: Visitor, another: NewVisitor, base_url: str
) -> None:
    def tried(code: str, email: str = ADA) -> tuple[int, str]:
        return refusal(visitor.post("/auth/passwordless/login", email=email, passwordlessToken=code))

    visitor.sign_up()
    another().sign_up("eve@example.com")
    wrong = (401, "invalid-passwordless-login-code")
    for email in (ADA, "eve@example.com", "nobody@example.com"):
        answer = visitor.post("/auth/passwordless/login/send", email=email)
        assert answer.json == {"data": {"success": True}}
    assert inbox(base_url, "nobody@example.com") == []
    code = code_in(inbox(base_url, ADA)[0])
    assert tried(code, "eve@example.com") == wrong
    assert tried(code, "nobody@example.com") == wrong
    assert tried(code, "no address") == wrong
    for number in range(5):
        assert tried(f"{(int(code) + 1 + number) % 1_000_000:06}") == wrong
    assert tried(code) == wrong


def test_failures_count_together_with_those_of_the_hosted_pages(
    app: Flask, visitor: Visitor, another: NewVisitor
) -> None:
    visitor.sign_up()
    for _ in range(19):
        throttle.take(throttle.limits(f"{default_community_id()} {ADA}", None))
    wrong = visitor.post("/auth/login", email=ADA.upper(), password="wrong horse")
    assert refusal(wrong) == (401, "invalid-credentials")
    for path, body in (
        ("/auth/login", {"email": ADA, "password": PASSWORD}),
        ("/member-auth", {"oldPassword": PASSWORD, "newPassword": "staple battery horse"}),
    ):
        closed = visitor.post(path, **body)
        assert refusal(closed) == (429, "too-many-attempts")
        assert 0 < int(closed.headers["Retry-After"]) <= throttle.WINDOW
    assert post(app.test_client(), "/login", email=ADA, password=PASSWORD).status_code == 429
    another().sign_up("eve@example.com")


def test_nobody_goes_through_addresses(visitor: Visitor) -> None:
    visitor.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    visitor.sign_up()
    visitor.sign_up("eve@example.com")
    for _ in range(99):
        throttle.take(throttle.limits(None, "192.0.2.7"))
    taken = visitor.post("/member-auth", email=ADA)
    assert refusal(taken) == (409, "email-already-in-use")
    for path in ("/auth/signup", "/member-auth"):
        refused = visitor.post(path, email="bob@example.com", password=PASSWORD)
        assert refusal(refused) == (429, "too-many-attempts")


def test_mails_are_limited(visitor: Visitor) -> None:
    for _ in range(10):
        assert visitor.post("/auth/send-reset-password-email", email=ADA).status_code == 200
    for path in ("send-reset-password-email", "passwordless/login/send", "passwordless/signup/send"):
        assert refusal(visitor.post(f"/auth/{path}", email=ADA)) == (429, "too-many-attempts")


def test_what_msidp_has_not(visitor: Visitor, admin: FlaskClient) -> None:
    plan = admin.post("/plans", json={"name": "Old"}).json["data"]["id"]
    admin.patch(f"/plans/{plan}", json={"status": "ARCHIVED"})
    visitor.sign_up()
    assert visitor.call("GET", "/app").json["data"]["plans"] == []
    assert refusal(visitor.call("GET", f"/app/plans/{plan}")) == (404, "plan-not-found")
    assert refusal(visitor.post("/member/plans/add", planId=plan)) == (404, "plan-not-found")
    for path in ("plans/create-checkout-session", "create-billing-portal-session"):
        assert refusal(visitor.post(f"/member/{path}")) == (400, "payments-not-supported")
    for path in ("/comments/posts", "/secure-content", "/member/team/join", "/auth-provider/login"):
        assert refusal(visitor.post(path)) == (404, "not-supported")


def test_pictures(visitor: Visitor) -> None:
    visitor.sign_up()
    for content, expected in (
        (b"", (422, "required-field-missing")),
        (b"<svg/>", (422, "invalid-file-type")),
        (b"x" * 950_000, (413, "file-size-too-large")),
    ):
        head = b'--b\r\nContent-Disposition: form-data; name="profileImage"; filename="a"\r\n\r\n'
        form = {"data": head + content + b"\r\n--b--\r\n", "content_type": "multipart/form-data; boundary=b"}
        answer = visitor.call("POST", "/member/profile-image", **form)
        assert refusal(answer) == expected
    assert refusal(visitor.post("/member/profile-image")) == (422, "required-field-missing")


@pytest.mark.database("sqlite", "postgresql")
def test_of_several_at_once_one_gets_in(visitor: Visitor, another: NewVisitor, base_url: str) -> None:
    def all_at_once(path: str, **body: str) -> list[int]:
        return sorted(each.status_code for each in at_once(6, lambda _: another().post(path, **body)))

    assert all_at_once("/auth/signup", email="eve@example.com", password=PASSWORD) == [200, *[409] * 5]
    visitor.post("/auth/passwordless/signup/send", email=ADA)
    code = code_in(inbox(base_url, ADA)[0])
    assert all_at_once("/auth/signup", email=ADA, passwordlessToken=code) == [200, *[401] * 5]
    visitor.post("/auth/passwordless/login/send", email=ADA)
    code = code_in(inbox(base_url, ADA)[0])
    assert all_at_once("/auth/passwordless/login", email=ADA, passwordlessToken=code) == [200, *[401] * 5]
    visitor.post("/auth/send-reset-password-email", email=ADA)
    token = inbox(base_url, ADA)[0]["text"].partition("token=")[2].partition("\n")[0]
    assert all_at_once("/auth/reset-password", token=token, newPassword=PASSWORD) == [200, *[400] * 5]


def test_a_change_is_made_whole_or_not_at_all(visitor: Visitor, another: NewVisitor, base_url: str) -> None:
    another().sign_up("eve@example.com")
    visitor.sign_up()
    kept = another()
    kept.log_in()
    both = {"oldPassword": PASSWORD, "newPassword": "staple battery horse", "email": "eve@example.com"}
    assert refusal(visitor.post("/member-auth", **both)) == (409, "email-already-in-use")
    assert kept.is_in()
    another().log_in()
    assert "password" not in inbox(base_url, ADA)[0]["subject"]
    assert visitor.post("/member-auth", **both | {"email": "bob@example.com"}).status_code == 200
    assert not kept.is_in()
    another().log_in("bob@example.com", "staple battery horse")


def test_a_wrong_code_costs_no_hash_once_there_were_too_many(visitor: Visitor) -> None:
    for _ in range(20):
        throttle.take(throttle.mailed_code_limits(f"{default_community_id()} {ADA}", None))
    with ExitStack() as stack:
        for _ in range(passwords.TURNS):  # nobody else may hash now
            stack.enter_context(passwords.pool.turn())
        body = {"email": ADA, "passwordlessToken": "000000", "password": PASSWORD}
        assert refusal(visitor.post("/auth/signup", **body)) == (429, "too-many-attempts")


def test_who_moves_an_address_to_and_fro_floods_nobody(visitor: Visitor) -> None:
    visitor.sign_up()
    answers = [visitor.post("/member-auth", email=f"m{number % 2}@example.com") for number in range(12)]
    assert [answer.status_code for answer in answers[:9]] == [200] * 9
    assert refusal(answers[-1]) == (429, "too-many-attempts")


def test_a_proved_address_is_not_proved_again(visitor: Visitor, base_url: str) -> None:
    visitor.post("/auth/passwordless/signup/send", email=ADA)
    visitor.enter("/auth/signup", email=ADA, passwordlessToken=code_in(inbox(base_url, ADA)[0]))
    assert visitor.post("/auth/send-email-verification").json == {"data": {"success": True}}
    assert len(inbox(base_url, ADA)) == 1


def test_what_is_wrong_is_said_in_the_callers_language(visitor: Visitor, admin: FlaskClient) -> None:
    german = {"Accept-Language": "de"}
    body = {"email": ADA, "password": PASSWORD}
    refused = visitor.call("POST", "/auth/login", json=body, headers=german)
    assert refused.json == {
        "code": "invalid-credentials",
        "message": "Die E-Mail-Adresse oder das Passwort ist falsch.",
    }
    assert refused.headers["Content-Language"] == "de"
    assert "Accept-Language" in refused.vary
    assert "wrong" in visitor.call("POST", "/auth/login", json=body).json["message"]
    taken = {"email": ADA}
    admin.post("/members", json=taken)
    assert "address" in admin.post("/members", json=taken, headers=german).json["message"]  # for programs
