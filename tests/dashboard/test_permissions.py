"""Every page of the dashboard, tried by each role and by nobody."""

import re
from collections.abc import Callable, Iterator
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.dashboard.conftest import csrf_token
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver

from msidp.communities.roles import ROLES, Role

# What each role may do does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")

# Written by hand: the code's own marks are what is tested.
OPEN = {
    "/dashboard/sign-in",
    "/dashboard/sign-in/verify",
    "/dashboard/sign-in/passkey",
    "/dashboard/setup",
    "/dashboard/forgot-password",
    "/dashboard/reset-password",
}
OWNERS = ("/dashboard/operators",)
ADMINS_PAGES = {
    "/dashboard/try-login",  # the answer to what only an admin begins
    "/dashboard/applications/initial-access-tokens",
    "/dashboard/applications/new",
    "/dashboard/event-types/new",
    "/dashboard/members/new",
    "/dashboard/plans/new",
    "/dashboard/webhooks/new",
}
ANYBODYS_POSTS = {
    "/dashboard/sign-out",
    "/dashboard/account/password",
    "/dashboard/account/sessions/end-others",
    "/dashboard/account/authenticator",
    "/dashboard/account/authenticator/start",
    "/dashboard/account/authenticator/remove",
    "/dashboard/account/recovery-codes",
    "/dashboard/account/passkeys/new",
    "/dashboard/account/passkeys/none_such/name",
    "/dashboard/account/passkeys/none_such/remove",
    "/dashboard/confirm",
    "/dashboard/confirm/passkey",
}


def pages(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and path of every page, with ids that nothing has."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/dashboard"):
            path = rule.build(dict.fromkeys(rule.arguments, "none_such"), append_unknown=False)
            assert path
            for method in rule.methods & {"GET", "POST"}:
                yield method, path[1]


def expected_to_pass(role: Role, method: str, path: str) -> bool:
    if path.startswith(OWNERS):
        return role == "owner"
    if path.endswith(("/export", "/members/bulk", "/members/import")):
        return role in ("admin", "owner")
    if role in ("admin", "owner"):
        return True
    return path in ANYBODYS_POSTS or (method == "GET" and path not in ADMINS_PAGES)


def test_nobody_comes_in(app: Flask, client: FlaskClient) -> None:
    token = csrf_token(client, "/dashboard/sign-in") if _has_operator(app) else None
    tried = 0
    for method, path in pages(app):
        if path in OPEN:
            continue
        answer = client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
        assert answer.status_code in (303, 400), (method, path, answer.status_code)
        if answer.status_code == 303:
            assert answer.headers["Location"].startswith("/dashboard/sign-in"), (method, path)
        tried += 1
    assert tried > 10


def _has_operator(app: Flask) -> bool:
    return "csrf_token" in app.test_client().get("/dashboard/sign-in").text


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_what_it_may_and_no_more(
    app: Flask, sign_in: Callable[[Role], FlaskClient], role: Role
) -> None:
    client = sign_in(role)
    for method, path in sorted(pages(app), key=lambda page: page[1] == "/dashboard/sign-out"):
        if path in OPEN:
            continue
        token = csrf_token(client, "/dashboard") if method == "POST" else None
        answer = client.open(path, method=method, data={"csrf_token": token} if token else None)
        if expected_to_pass(role, method, path):
            assert answer.status_code not in (401, 403), (method, path, answer.status_code)
        else:
            assert answer.status_code == 403, (method, path, answer.status_code)
        assert answer.status_code < 500, (method, path)


def something_of_each_kind(admin: FlaskClient, receiver: Receiver) -> None:
    def make(path: str, **body: object) -> str:
        answer = admin.post(path, json=body)
        assert answer.status_code == 200, answer.json
        return str(answer.json["data"].get("id"))

    receiver.script("/hook", *[Answer(500)] * 9)
    webhook = make("/webhooks", name="CRM", url=receiver.url("/hook"), dialect="standard", events=[])
    plan = make("/plans", name="Readers")
    member = make("/members", email="ann@example.com", password="correct horse", plans=[{"planId": plan}])
    make("/applications", name="Notes", type="web", redirectUris=["https://notes.example/cb"])
    make("/event-types", name="tool.borrowed")
    make("/members/import", source="csv", content="email\nbob@example.com")
    make(f"/webhooks/{webhook}/replay", since="2026-01-01T00:00:00Z")
    logged_in = admin.application.test_client()
    token = csrf_token(logged_in, "/login")
    sent = {"csrf_token": token, "email": "ann@example.com", "password": "correct horse"}
    assert logged_in.post("/login", data=sent).status_code == 303, member
    drain()


def linked(client: FlaskClient) -> dict[str, str]:
    """Every page of the dashboard that one comes to from its first, by its path."""
    found: dict[str, str] = {}
    ahead = ["/dashboard"]
    while ahead:
        path = ahead.pop()
        if path not in found:
            answer = client.get(path)
            assert answer.status_code in (200, 303), (path, answer.status_code)
            found[path] = answer.text if answer.mimetype == "text/html" else ""
            ahead += [unescape(link) for link in re.findall(r' href="(/dashboard[^"#]*)', found[path])]
    return found


def test_a_viewer_sees_no_form_that_is_refused_and_no_link_that_leads_nowhere(
    app: Flask, sign_in: Callable[[Role], FlaskClient], admin: FlaskClient, receiver: Receiver
) -> None:
    something_of_each_kind(admin, receiver)
    rules = app.url_map.bind("127.0.0.1")
    seen = linked(sign_in("viewer"))
    assert len(seen) > 40
    for path, text in seen.items():
        for form in re.findall(r"<form[^>]* method=\"post\".*?</form>", text, re.DOTALL):
            for target in re.findall(r' (?:action|formaction|hx-post)="([^"]+)"', form):
                rule, arguments = rules.match(target, method="POST", return_rule=True)
                built = rule.build(dict.fromkeys(arguments, "none_such"))
                assert built
                assert built[1] in ANYBODYS_POSTS, (path, target)


def test_a_form_without_its_token_is_refused(app: Flask, sign_in: Callable[[Role], FlaskClient]) -> None:
    client = sign_in("owner")
    for method, path in pages(app):
        if method == "POST":
            assert client.post(path).status_code == 400, path
