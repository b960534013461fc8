"""The ways into the dashboard: the set-up link, sign-in, sign-out, and who is kept out."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.dashboard.conftest import PASSWORD, csrf_token, make_operator, submit
from tests.support.threads import at_once

from msidp import clock, db
from msidp.audit.models import AuditEntry
from msidp.communities.roles import Role
from msidp.operators import service

pytestmark = pytest.mark.database("sqlite")


def first_link(community_id: str) -> str:
    with db.transaction() as session:
        made = service.invite_first(session, community_id)
    assert made
    return f"/dashboard/setup?token={made.token}"


def become_owner(client: FlaskClient, link: str, email: str = "olga@example.com"):
    token = link.rpartition("=")[2]
    return submit(client, link, "/dashboard/setup", token=token, email=email, name="Olga", password=PASSWORD)


def test_the_first_link_makes_an_owner_and_closes(client: FlaskClient, app: Flask, community_id: str) -> None:
    link = first_link(community_id)
    for _ in range(3):  # a mail scanner that looks spends nothing
        assert client.get(link).status_code == 200
    answer = become_owner(client, link)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    assert "Overview" in client.get("/dashboard").text
    assert app.test_client().get(link).status_code == 404
    with db.transaction() as session:
        assert service.invite_first(session, community_id) is None
        assert [person.role for person in service.list_operators(session, community_id)] == ["owner"]


def test_a_newer_first_link_takes_the_place_of_the_older(client: FlaskClient, community_id: str) -> None:
    older, newer = first_link(community_id), first_link(community_id)
    assert client.get(older).status_code == 404
    assert become_owner(client, newer).status_code == 303


@pytest.mark.database("sqlite", "postgresql")
def test_of_many_who_follow_the_first_link_one_becomes_owner(app: Flask, community_id: str) -> None:
    link = first_link(community_id)
    clients = [app.test_client() for _ in range(8)]
    answers = at_once(8, lambda number: become_owner(clients[number], link, f"o{number}@example.com"))
    assert sorted(answer.status_code for answer in answers).count(303) == 1
    with db.reading() as session:
        assert len(service.list_operators(session, community_id)) == 1


@pytest.mark.database("sqlite", "postgresql")
def test_a_link_that_is_used_forged_or_withdrawn_makes_nobody(
    client: FlaskClient, app: Flask, community_id: str
) -> None:
    used = first_link(community_id)
    become_owner(client, used)
    with db.transaction() as session:
        invited = service.invite(session, community_id, "otto@example.com", "admin")
        service.withdraw(session, community_id, invited.id)
    form = {"email": "otto@example.com", "name": "Otto", "password": PASSWORD}
    for token in (used.rpartition("=")[2], invited.token, invited.token[:-1] + "x", "", "\0", "a" * 5000):
        guest = app.test_client()
        seen = guest.get("/dashboard/setup", query_string={"token": token})
        assert (seen.status_code, "setup" in seen.text and "password" in seen.text) == (404, False), token
        csrf = csrf_token(guest, "/dashboard/sign-in")
        answer = guest.post("/dashboard/setup", data={"csrf_token": csrf, "token": token, **form})
        assert answer.status_code in (400, 404), token
        assert guest.get_cookie("msidp_operator") is None
    with db.reading() as session:
        assert len(service.list_operators(session, community_id)) == 1


def test_an_expired_link_is_over(client: FlaskClient, community_id: str, monkeypatch) -> None:
    link = first_link(community_id)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + 4 * clock.DAY)
    assert client.get(link).status_code == 404


def test_what_is_wrong_in_the_form_is_said_and_the_link_stays_good(
    client: FlaskClient, community_id: str
) -> None:
    link = first_link(community_id)
    token = link.rpartition("=")[2]
    answer = submit(
        client, link, "/dashboard/setup", token=token, email="nonsense", name="", password="short"
    )
    assert answer.status_code == 422
    for field in ("email", "name", "password"):
        assert f'id="{field}-error"' in answer.text
    assert become_owner(client, link).status_code == 303


def test_a_wrong_password_and_an_unknown_address_are_told_the_same(
    client: FlaskClient, community_id: str
) -> None:
    olga = make_operator(community_id, "owner", "olga@example.com")
    answers = [
        submit(client, "/dashboard/sign-in", "/dashboard/sign-in", email=email, password="not it at all")
        for email in ("olga@example.com", "nobody@example.com")
    ]
    with db.reading() as session:  # the log alone tells on whom it was tried
        refused = select(AuditEntry).where(AuditEntry.action == "operator.sign_in_failed")
        entries = session.scalars(refused.order_by(AuditEntry.seq)).all()
    assert [(each.target_id, each.actor_id, each.address) for each in entries] == [
        (olga, None, "127.0.0.1"),
        (None, None, "127.0.0.1"),
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    told = [answer.text.split('role="alert"')[1].split("</div>")[0] for answer in answers]
    assert told[0] == told[1]


def test_sign_in_leads_back_to_the_page_and_never_elsewhere(app: Flask, community_id: str) -> None:
    make_operator(community_id, "owner", "olga@example.com")
    for asked, reached in (
        ("/dashboard/members?q=a", "/dashboard/members?q=a"),
        ("https://evil.example", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/dashboard\\@evil.example", "/dashboard"),
        ("/dashboardevil", "/dashboard"),
        ("/dashboard/\r\nX-Evil: 1", "/dashboard"),  # no header could hold it
    ):
        answer = submit(
            app.test_client(),
            "/dashboard/sign-in",
            "/dashboard/sign-in",
            email="olga@example.com",
            password=PASSWORD,
            next=asked,
        )
        assert answer.headers["Location"] == reached


def test_a_member_is_no_operator_and_an_operator_no_member(
    app: Flask, sign_in: Callable[[Role], FlaskClient]
) -> None:
    owner = sign_in("owner")
    assert owner.get("/account").status_code == 303
    member = app.test_client()
    answer = submit(member, "/signup", "/signup", email="owner@example.com", password=PASSWORD, name="M")
    assert answer.status_code == 303
    assert member.get("/account").status_code == 200
    assert member.get("/dashboard").headers["Location"].startswith("/dashboard/sign-in")


def test_sign_out_ends_the_session_itself(sign_in: Callable[[Role], FlaskClient]) -> None:
    client = sign_in("viewer")
    cookie = client.get_cookie("msidp_operator")
    assert cookie
    submit(client, "/dashboard", "/dashboard/sign-out")
    client.set_cookie("msidp_operator", cookie.value)
    assert client.get("/dashboard").status_code == 303


@pytest.mark.database("sqlite", "postgresql")
def test_a_removed_operator_is_out_at_once_and_the_last_owner_stays(
    sign_in: Callable[[Role], FlaskClient], community_id: str
) -> None:
    owner, viewer = sign_in("owner"), sign_in("viewer")
    with db.reading() as session:
        people = {person.role: person.id for person in service.list_operators(session, community_id)}
    assert viewer.get("/dashboard").status_code == 200
    page = "/dashboard/operators"
    assert submit(owner, page, f"{page}/{people['viewer']}/remove").status_code == 303
    assert viewer.get("/dashboard").status_code == 303
    assert submit(owner, page, f"{page}/{people['owner']}/remove").status_code == 409
    assert submit(owner, page, f"{page}/{people['owner']}/role", role="viewer").status_code == 409


def test_an_invitation_names_the_address_and_the_role(
    app: Flask, sign_in: Callable[[Role], FlaskClient], community_id: str
) -> None:
    owner = sign_in("owner")
    page = "/dashboard/operators"
    made = submit(owner, page, f"{page}/invitations", email="new@example.com", role="admin")
    link = made.text.split('id="secret">')[1].split("<")[0]
    assert link.startswith(app.extensions["msidp_settings"].base_url)
    (mail,) = app.test_client().get("/dev/inbox").json["data"]
    assert (mail["to"], link in mail["text"]) == ("new@example.com", True)
    path = link.removeprefix(app.extensions["msidp_settings"].base_url)
    guest = app.test_client()
    assert (
        become_owner(guest, path, "other@example.com").status_code == 303
    )  # the form's address does not count
    with db.reading() as session:
        roles = {person.email: person.role for person in service.list_operators(session, community_id)}
    assert roles == {"owner@example.com": "owner", "new@example.com": "admin"}
    assert guest.get(page).status_code == 403
