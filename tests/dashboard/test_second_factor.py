"""Operators' second factor: set up, asked for, lost, required; the fresh proof before grave acts."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.accounts.factors.support import code
from tests.dashboard.conftest import PASSWORD, csrf_token, make_operator, submit
from tests.support.authenticator import Authenticator
from tests.support.threads import at_once
from werkzeug.test import TestResponse

from msidp import clock, db
from msidp.accounts import throttle
from msidp.audit.models import AuditEntry
from msidp.communities.roles import Role
from msidp.operators import factors, service
from msidp.operators.models import OperatorApp, OperatorSession
from msidp.settings import Settings

ACCOUNT = "/dashboard/account"
SIGN_IN = "/dashboard/sign-in"
OLGA = "owner@example.com"

SignIn = Callable[[Role], FlaskClient]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Browsers have passkeys for names alone, and http for this one."""
    return settings.model_copy(update={"base_url": settings.base_url.replace("127.0.0.1", "localhost")})


def by_password(client: FlaskClient, email: str = OLGA) -> TestResponse:
    return submit(client, SIGN_IN, SIGN_IN, email=email, password=PASSWORD)


def add_app(client: FlaskClient) -> tuple[str, list[str]]:
    """Set an app up. Returns its secret and the recovery codes; the present step's code is still good."""
    submit(client, ACCOUNT, f"{ACCOUNT}/authenticator/start")
    found = re.search(r'<code class="mono">([A-Z2-7 ]+)</code>', client.get(f"{ACCOUNT}/authenticator").text)
    assert found
    secret = found[1].replace(" ", "")
    page = submit(client, f"{ACCOUNT}/authenticator", f"{ACCOUNT}/authenticator", code=code(secret, -1))
    return secret, codes_on(page)


def codes_on(page: TestResponse) -> list[str]:
    return re.findall(r"<li>([0-9a-z-]{19})</li>", page.text)


def asked(client: FlaskClient, path: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What a page asks an authenticator for, and the fields that come back beside the answer."""
    html = client.get(path).text
    options = re.search(r'data-options="([^"]+)"', html)
    state = re.search(r'name="state" value="([^"]+)"', html)
    assert options, html
    assert state
    return json.loads(unescape(options[1])), {"csrf_token": csrf_token(client, path), "state": state[1]}


def add_passkey(client: FlaskClient, authenticator: Authenticator, name: str = "Phone") -> TestResponse:
    options, fields = asked(client, f"{ACCOUNT}/passkeys/new")
    answer = authenticator.create(options)
    return client.post(f"{ACCOUNT}/passkeys/new", data={**fields, "credential": answer, "name": name})


def use_passkey(
    client: FlaskClient, authenticator: Authenticator, at: str = SIGN_IN, to: str = f"{SIGN_IN}/passkey"
) -> TestResponse:
    options, fields = asked(client, at)
    return client.post(to, data={**fields, "credential": authenticator.get(options)})


def actions() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))


def subjects(app: Flask) -> list[str]:
    inbox = app.test_client().get("/dev/inbox", headers={"Accept": "application/json"})
    return [mail["subject"] for mail in inbox.json["data"]]


def is_in(client: FlaskClient) -> bool:
    return client.get("/dashboard").status_code == 200


def stale() -> None:
    """Let every proof be an old one."""
    with db.transaction() as session:
        session.execute(update(OperatorSession).values(proved_at=clock.now() - clock.HOUR))


def test_password_hashes_leave_after_a_fresh_proof_alone(sign_in: SignIn) -> None:
    owner = sign_in("owner")
    hashes = "/dashboard/members/export?format=jsonl&hashes=1"
    assert owner.get(hashes).status_code == 200
    stale()
    led = owner.get(hashes)
    assert (led.status_code, led.headers["Location"]) == (
        303,
        "/dashboard/confirm?next=%2Fdashboard%2Fmembers",
    )
    assert owner.get("/dashboard/members/export").status_code == 200


def test_an_app_is_asked_for_beside_the_password(app: Flask, sign_in: SignIn) -> None:
    owner, elsewhere = sign_in("owner"), app.test_client()
    by_password(elsewhere)
    submit(owner, ACCOUNT, f"{ACCOUNT}/authenticator/start")
    page = f"{ACCOUNT}/authenticator"
    assert b"<svg" in owner.get(f"{page}/qr.svg").data
    assert submit(owner, page, page, code="000000").status_code == 401
    assert (
        by_password(app.test_client()).headers["Location"] == "/dashboard"
    )  # nothing counts before the code
    secret, codes = add_app(owner)
    assert len(codes) == 10
    assert is_in(owner)
    assert not is_in(elsewhere)  # began with the password alone

    guest = app.test_client()
    answer = submit(guest, SIGN_IN, SIGN_IN, email=OLGA, password=PASSWORD, next="/dashboard/members")
    verify = answer.headers["Location"]
    assert verify == f"{SIGN_IN}/verify?next=%2Fdashboard%2Fmembers"
    assert not is_in(guest)
    waiting = guest.get_cookie("msidp_operator_pending")
    assert waiting
    guest.set_cookie("msidp_operator", waiting.value)
    assert not is_in(guest)  # it is no session
    assert submit(guest, verify, f"{SIGN_IN}/verify", code=code(secret, -1)).status_code == 401  # used before
    assert submit(guest, verify, f"{SIGN_IN}/verify", code="").status_code == 422
    answer = submit(guest, verify, f"{SIGN_IN}/verify", code=code(secret), next="/dashboard/members")
    assert answer.headers["Location"] == "/dashboard/members"
    assert is_in(guest)
    assert guest.get(verify).status_code == 303  # nobody waits any more
    guest.set_cookie("msidp_operator_pending", waiting.value)
    assert guest.get(f"{SIGN_IN}/verify").status_code == 303
    assert "operator.authenticator_added" in actions()
    assert "operator.second_factor_refused" in actions()
    assert "An authenticator app was added to your operator account" in subjects(app)
    with db.reading() as session:
        sealed = session.scalars(select(OperatorApp.sealed_secret)).one()
    assert secret not in sealed


@pytest.mark.database("sqlite")
def test_recovery_codes_stand_in_once(app: Flask, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    _, codes = add_app(owner)
    verify = f"{SIGN_IN}/verify"
    for spent in (False, True):
        guest = app.test_client()
        by_password(guest)
        answer = submit(guest, f"{verify}?with=recovery-code", verify, recovery_code=codes[0].upper())
        assert answer.status_code == (401 if spent else 303)
        assert is_in(guest) is not spent
    assert "A recovery code was used to sign in to the dashboard" in subjects(app)
    fresh = codes_on(submit(owner, ACCOUNT, f"{ACCOUNT}/recovery-codes"))
    assert len({*codes, *fresh}) == 20
    guest = app.test_client()
    by_password(guest)
    assert submit(guest, verify, verify, recovery_code=codes[1]).status_code == 401
    assert submit(guest, verify, verify, recovery_code=fresh[1]).status_code == 303
    submit(owner, ACCOUNT, f"{ACCOUNT}/authenticator/remove")
    assert by_password(app.test_client()).headers["Location"] == "/dashboard"
    with db.reading() as session:  # with the last factor they end
        assert factors.recovery.count(session, service.find_by_email(session, _community(), OLGA).id) == 0


def _community() -> str:
    from msidp.communities.guard import default_community_id

    return default_community_id()


def test_a_passkey_signs_in_alone_and_is_a_second_step(app: Flask, sign_in: SignIn, base_url: str) -> None:
    owner, phone = sign_in("owner"), Authenticator(base_url)
    assert len(codes_on(add_passkey(owner, phone))) == 10
    guest = app.test_client()
    assert use_passkey(guest, phone).headers["Location"] == "/dashboard"
    assert is_in(guest)
    guest = app.test_client()
    verify = by_password(guest).headers["Location"]
    assert not is_in(guest)
    assert "Code from your" not in guest.get(verify).text  # there is no app
    assert use_passkey(guest, phone, verify).headers["Location"] == "/dashboard"
    assert is_in(guest)
    page = guest.get(ACCOUNT).text
    (passkey_id,) = re.findall(r"/passkeys/(psk_\w+)/name", page)
    assert submit(guest, ACCOUNT, f"{ACCOUNT}/passkeys/{passkey_id}/name", name="").status_code == 422
    assert submit(guest, ACCOUNT, f"{ACCOUNT}/passkeys/{passkey_id}/name", name="Key").status_code == 303
    assert "Key" in guest.get(ACCOUNT).text
    assert submit(guest, ACCOUNT, f"{ACCOUNT}/passkeys/{passkey_id}/remove").status_code == 303
    assert use_passkey(app.test_client(), phone).status_code == 401


@pytest.mark.database("sqlite")
def test_a_passkey_is_good_for_its_own_kind_of_account(app: Flask, sign_in: SignIn, base_url: str) -> None:
    owner, phone = sign_in("owner"), Authenticator(base_url)
    add_passkey(owner, phone)
    member = app.test_client()
    assert use_passkey(member, phone, "/login", "/login/passkey").status_code == 401
    options, fields = asked(member, "/login")  # a challenge of the members' page
    fields["csrf_token"] = csrf_token(member, SIGN_IN)
    answer = member.post(f"{SIGN_IN}/passkey", data={**fields, "credential": phone.get(options)})
    assert answer.status_code == 400
    viewer, theirs = sign_in("viewer"), Authenticator(base_url)
    add_passkey(viewer, theirs)
    stale()
    confirm = "/dashboard/confirm"
    options, fields = asked(viewer, confirm)
    answer = viewer.post(f"{confirm}/passkey", data={**fields, "credential": phone.get(options)})
    assert answer.status_code == 401
    (passkey_id,) = re.findall(r"/passkeys/(psk_\w+)/name", owner.get(ACCOUNT).text)
    assert use_passkey(viewer, theirs, confirm, f"{confirm}/passkey").status_code == 303
    for act in ("name", "remove"):
        path = f"{ACCOUNT}/passkeys/{passkey_id}/{act}"
        assert submit(viewer, ACCOUNT, path, name="Mine").status_code == 404


@pytest.mark.database("sqlite")
def test_what_is_grave_asks_for_a_fresh_proof(app: Flask, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    stale()
    operators = "/dashboard/operators"
    for page, path in (
        (operators, f"{operators}/invitations"),
        (ACCOUNT, f"{ACCOUNT}/authenticator/start"),
        ("/dashboard/api-keys", "/dashboard/api-keys"),
    ):
        answer = submit(owner, page, path, email="new@example.com", role="owner", name="Key")
        assert answer.headers["Location"].startswith("/dashboard/confirm?next="), path
    assert not {"operator.invited", "api_key.created"} & set(actions())
    before = owner.get_cookie("msidp_operator")
    assert before
    confirm = "/dashboard/confirm"
    assert submit(owner, confirm, confirm, password="not it at all").status_code == 401
    answer = submit(owner, confirm, confirm, password=PASSWORD, next="//evil.example")
    assert answer.headers["Location"] == "/dashboard"
    copy = app.test_client()
    copy.set_cookie("msidp_operator", before.value)
    assert not is_in(copy)  # who had a copy of the session has nothing of the proof
    made = submit(owner, operators, f"{operators}/invitations", email="new@example.com", role="admin")
    assert made.status_code == 200
    secret, _ = add_app(owner)
    stale()
    assert submit(owner, confirm, confirm, password=PASSWORD).status_code == 422  # a code is asked for
    assert submit(owner, confirm, confirm, code=code(secret)).status_code == 303
    assert submit(owner, ACCOUNT, f"{ACCOUNT}/authenticator/remove").headers["Location"].startswith(ACCOUNT)


@pytest.mark.database("sqlite")
def test_a_second_factor_can_be_required(app: Flask, sign_in: SignIn) -> None:
    owner, viewer = sign_in("owner"), sign_in("viewer")
    operators = "/dashboard/operators"
    assert submit(owner, operators, f"{operators}/second-factor", required="1").status_code == 409
    add_app(owner)
    assert submit(owner, operators, f"{operators}/second-factor", required="1").status_code == 303
    for path in ("/dashboard", "/dashboard/members", "/dashboard/deliveries"):
        assert viewer.get(path).headers["Location"] == f"{ACCOUNT}#second-factor"
    page = viewer.get(ACCOUNT)
    assert "Every operator here needs a second factor" in page.text
    assert viewer.get("/dashboard", headers={"HX-Request": "true"}).headers["HX-Redirect"]
    add_app(viewer)
    assert is_in(viewer)
    refused = submit(viewer, ACCOUNT, f"{ACCOUNT}/authenticator/remove")
    assert (refused.status_code, "Add another one first" in refused.text) == (409, True)
    assert by_password(app.test_client(), "viewer@example.com").headers["Location"].startswith(SIGN_IN)
    submit(owner, operators, f"{operators}/second-factor")
    assert submit(viewer, ACCOUNT, f"{ACCOUNT}/authenticator/remove").status_code == 303


def test_of_two_who_remove_the_last_two_factors_at_once_one_does(
    app: Flask, sign_in: SignIn, base_url: str
) -> None:
    owner = sign_in("owner")
    add_app(owner)
    add_passkey(owner, Authenticator(base_url))
    submit(owner, "/dashboard/operators", "/dashboard/operators/second-factor", required="1")
    (passkey_id,) = re.findall(r"/passkeys/(psk_\w+)/name", owner.get(ACCOUNT).text)
    paths = [f"{ACCOUNT}/authenticator/remove", f"{ACCOUNT}/passkeys/{passkey_id}/remove"]
    token, cookies = (
        csrf_token(owner, ACCOUNT),
        [owner.get_cookie(f"msidp_{name}") for name in ("operator", "form")],
    )

    def remove(number: int) -> int:
        client = app.test_client()
        for cookie in filter(None, cookies):
            client.set_cookie(cookie.key, cookie.value)
        return client.post(paths[number], data={"csrf_token": token}).status_code

    assert sorted(at_once(2, remove)) == [303, 409]
    assert is_in(owner)


@pytest.mark.database("sqlite")
def test_an_owner_helps_who_has_lost_theirs(app: Flask, sign_in: SignIn, community_id: str) -> None:
    owner, viewer = sign_in("owner"), sign_in("viewer")
    add_app(viewer)
    with db.reading() as session:
        lost = service.find_by_email(session, community_id, "viewer@example.com")
    assert lost
    path = f"/dashboard/operators/{lost.id}/reset-factors"
    assert submit(viewer, ACCOUNT, path).status_code == 403
    assert submit(owner, "/dashboard/operators", path).status_code == 303
    assert submit(owner, "/dashboard/operators", path).status_code == 409
    assert not is_in(viewer)
    assert by_password(app.test_client(), "viewer@example.com").headers["Location"] == "/dashboard"
    assert "operator.factors_reset" in actions()
    assert subjects(app)[0].startswith("Your second factor was taken off")
    other = "/dashboard/operators/opr_none/reset-factors"
    assert submit(owner, "/dashboard/operators", other).status_code == 404


@pytest.mark.database("sqlite")
def test_codes_are_throttled_by_counters_of_operators(app: Flask, sign_in: SignIn) -> None:
    secret, _ = add_app(sign_in("owner"))
    guest = app.test_client()
    verify = by_password(guest).headers["Location"]
    answers = [submit(guest, verify, f"{SIGN_IN}/verify", code="000000").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert submit(guest, verify, f"{SIGN_IN}/verify", code=code(secret)).status_code == 429
    assert subjects(app)[0].startswith("Somebody who knows your password")
    members = {limit.key for limit in throttle.code_limits("mem_1", "192.0.2.1")}
    assert not members & {limit.key for limit in throttle.code_limits("opr_1", "192.0.2.1", "operator ")}
    assert is_in_by_another(app)


def is_in_by_another(app: Flask) -> bool:
    """Whether an operator without a factor still gets in from the same address."""
    make_operator(_community(), "viewer", "viewer@example.com")
    client = app.test_client()
    by_password(client, "viewer@example.com")
    return is_in(client)
