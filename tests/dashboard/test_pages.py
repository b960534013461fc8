"""What the dashboard's forms do: the same as the Admin API, on the audit log, with errors in place."""

import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.dashboard.conftest import PASSWORD, submit
from tests.support.receiver import Answer, Receiver

from msidp import db
from msidp.audit.models import AuditEntry
from msidp.communities.roles import Role

pytestmark = pytest.mark.database("sqlite")

ROOT = "/dashboard"


@pytest.fixture
def owner(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in("owner")


def last_act() -> tuple[str, str, str | None]:
    """Who did what last, as the audit log has it."""
    with db.reading() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1)).one()
        return entry.actor_type, entry.action, entry.target_id


def make_member(owner: FlaskClient, email: str = "ann@example.com") -> str:
    """Returns the path of the member's page."""
    answer = submit(owner, f"{ROOT}/members/new", f"{ROOT}/members", email=email, name="Ann")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


@pytest.mark.database("sqlite", "postgresql")
def test_a_member_is_made_changed_and_deleted(owner: FlaskClient, admin: FlaskClient) -> None:
    path = make_member(owner)
    member_id = path.rpartition("/")[2]
    assert last_act() == ("operator", "member.created", member_id)
    form = {"email": "ann@new.example", "role": "mentor", "verified": "1", "custom_fields": '{"a": 1}'}
    assert submit(owner, path, path, **form).status_code == 303
    seen = admin.get(f"/members/{member_id}").json["data"]
    assert (seen["auth"]["email"], seen["role"], seen["verified"]) == ("ann@new.example", "mentor", True)
    assert seen["customFields"] == {"a": 1}
    assert submit(owner, path, f"{path}/delete", confirm="ann@example.com").status_code == 422
    assert submit(owner, path, f"{path}/delete", confirm="ann@new.example").status_code == 303
    assert last_act() == ("operator", "member.deleted", member_id)
    assert owner.get(path).status_code == 404
    types = [event["type"] for event in admin.get("/events").json["data"]]
    assert types == ["member.created", "member.updated", "member.role_changed", "member.deleted"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "nonsense"), ("custom_fields", "{no json"), ("profile", '{"birthdate": 3}'), ("role", "")],
)
def test_what_is_wrong_about_a_member_is_said_in_place(owner: FlaskClient, field: str, value: str) -> None:
    path = make_member(owner)
    form = {"email": "ann@example.com", "role": "member", field: value}
    answer = submit(owner, path, path, **form)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_the_head_of_a_form_says_which_field_is_meant(owner: FlaskClient) -> None:
    told = submit(owner, f"{ROOT}/applications/new", f"{ROOT}/applications", type="web", name="").text
    assert '<a class="alert-link" href="#name">Name must not be empty</a>' in told
    page = f"{ROOT}/settings/tokens"
    told = submit(owner, page, page, access_token_lifetime="5").text
    assert ">Access token lifetime should be greater than or equal to 60</a>" in told


def test_browsers_are_named_in_a_few_words(owner: FlaskClient) -> None:
    windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    other = owner.application.test_client()
    headers = {"User-Agent": windows}
    token = re.search(r'name="csrf_token" value="([^"]+)"', other.get(f"{ROOT}/sign-in").text)[1]
    typed = {"csrf_token": token, "email": "owner@example.com", "password": PASSWORD}
    assert other.post(f"{ROOT}/sign-in", data=typed, headers=headers).status_code == 303
    assert f'<span title="{windows}">Firefox on Windows</span>' in owner.get(f"{ROOT}/account").text


def test_a_password_is_taken_as_it_was_typed(app: Flask, owner: FlaskClient) -> None:
    typed = {"email": "ann@example.com", "password": "  correct horse battery "}
    assert submit(owner, f"{ROOT}/members/new", f"{ROOT}/members", **typed).status_code == 303
    trimmed = submit(
        app.test_client(), "/login", "/login", **{**typed, "password": typed["password"].strip()}
    )
    assert trimmed.status_code == 401
    assert submit(app.test_client(), "/login", "/login", **typed).status_code == 303


def test_an_operators_password_is_hard_to_guess(owner: FlaskClient) -> None:
    page, action = f"{ROOT}/account", f"{ROOT}/account/password"
    answer = submit(owner, page, action, current=PASSWORD, password="password1")
    assert answer.status_code == 422
    assert 'id="password-error"' in answer.text


def test_a_plan_is_made_joined_and_archived(
    owner: FlaskClient, admin: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    assert submit(owner, f"{ROOT}/plans/new", f"{ROOT}/plans", name="Readers").status_code == 303
    plan = admin.get("/plans").json["data"][0]
    path = make_member(owner)
    paid = {"name": "Pro", "prices": [{"amount": 9, "currency": "eur"}]}
    paid_id = admin.post("/plans", json=paid).json["data"]["id"]
    assert paid_id not in owner.get(path).text  # what cannot be joined here is not offered
    assert "An admin can add one." in sign_in("viewer").get(path).text
    assert submit(owner, path, f"{path}/plans", plan_id=plan["id"]).status_code == 303
    member = f"/members/{path.rpartition('/')[2]}"
    (connection,) = admin.get(member).json["data"]["planConnections"]
    assert submit(owner, path, f"{path}/plans/con_none/remove").status_code == 404
    assert submit(owner, path, f"{path}/plans/{connection['id']}/remove").status_code == 303
    assert admin.get(member).json["data"]["planConnections"] == []
    assert submit(owner, path, f"{path}/plans", plan_id=plan["id"]).status_code == 303
    member_id = path.rpartition("/")[2]
    (connection,) = admin.get(f"/members/{member_id}").json["data"]["planConnections"]
    changed = submit(owner, path, f"{path}/plans/{connection['id']}", status="CANCELED")
    assert changed.status_code == 303
    assert submit(owner, path, f"{path}/plans/{connection['id']}", status="NO").status_code == 422
    (connection,) = admin.get(f"/members/{member_id}").json["data"]["planConnections"]
    assert connection["status"] == "CANCELED"
    page = f"{ROOT}/plans/{plan['id']}"
    assert submit(owner, page, f"{page}/delete", confirm="Readers").status_code == 409  # it is in use
    assert submit(owner, page, page, name="Readers", status="ARCHIVED").status_code == 303
    assert admin.get(f"/plans/{plan['id']}").json["data"]["status"] == "ARCHIVED"


def test_prices_are_typed_row_by_row(owner: FlaskClient, admin: FlaskClient) -> None:
    new, to = f"{ROOT}/plans/new", f"{ROOT}/plans"
    row = {"price_id": "", "price_name": "", "price_amount": "-1", "price_currency": "eur"}
    row |= {"price_count": "3", "price_every": "MONTH"}
    answer = submit(owner, new, to, name="Pro", **row)
    assert answer.status_code == 422
    assert 'id="prices-error"' in answer.text
    assert 'value="-1"' in answer.text  # what was typed stays
    for wrong in (
        {"price_amount": "9,5"},
        {"price_currency": "e"},
        {"price_count": "x"},
        {"price_every": "?"},
    ):
        assert submit(owner, new, to, name="Pro", **row | {"price_amount": "9.5"} | wrong).status_code == 422
    empty = dict.fromkeys(row, "")
    rows = {name: [row[name], empty[name]] for name in row} | {"price_amount": ["9.5", ""]}
    assert submit(owner, new, to, name="Pro", **rows).status_code == 303
    (plan,) = admin.get("/plans").json["data"]
    (price,) = plan["prices"]
    assert (price["amount"], price["interval"]) == (9.5, {"type": "MONTH", "count": 3})
    assert "9.5 eur / 3 months" in owner.get(to).text
    page = f"{ROOT}/plans/{plan['id']}"
    assert f'name="price_id" value="{price["id"]}"' in owner.get(page).text
    once = {
        **row,
        "price_id": price["id"],
        "price_amount": "9.5",
        "price_every": "",
        "price_name": "For ever",
    }
    assert submit(owner, page, page, name="Pro", **once).status_code == 303
    prices = admin.get(f"/plans/{plan['id']}").json["data"]["prices"]
    assert [(each["type"], each["name"], each["interval"]) for each in prices] == [
        ("ONETIME", "For ever", None)
    ]
    assert submit(owner, page, page, name="Pro", **row | {"price_amount": ""}).status_code == 303
    assert admin.get(f"/plans/{plan['id']}").json["data"]["prices"] == []


def test_a_webhook_that_may_not_be_called_is_refused_in_place(owner: FlaskClient) -> None:
    new = f"{ROOT}/webhooks/new?dialect=standard"
    form = {"name": "Bad", "dialect": "standard", "url": "https://10.0.0.1/", "headers": "no colon"}
    answer = submit(owner, new, f"{ROOT}/webhooks", **form)
    assert answer.status_code == 422
    assert 'id="headers-error"' in answer.text
    answer = submit(owner, new, f"{ROOT}/webhooks", **{**form, "headers": "X-A: 1"})
    assert answer.status_code == 422
    assert 'id="url-error"' in answer.text


@pytest.mark.database("sqlite", "postgresql")
def test_an_application_keeps_what_the_form_does_not_show(owner: FlaskClient, admin: FlaskClient) -> None:
    made = admin.post(
        "/applications",
        json={
            "name": "Notes",
            "type": "web",
            "redirectUris": ["https://a.example/cb"],
            "accessTokenLifetime": 90,
        },
    ).json["data"]
    page = f"{ROOT}/applications/{made['id']}"
    form = {"name": "Notes 2", "redirect_uris": "https://a.example/cb\nhttps://a.example/cb2\n"}
    assert submit(owner, page, page, **form).status_code == 303
    seen = admin.get(f"/applications/{made['id']}").json["data"]
    assert (seen["name"], seen["accessTokenLifetime"]) == ("Notes 2", 90)
    assert seen["redirectUris"] == ["https://a.example/cb", "https://a.example/cb2"]
    answer = submit(owner, page, page, **{**form, "redirect_uris": "http://a.example/cb#x"})
    assert answer.status_code == 422
    assert 'id="redirect_uris-error"' in answer.text
    rotated = submit(owner, page, f"{page}/rotate-secret")
    assert rotated.text.split('id="secret">')[1].startswith("cs_")
    assert submit(owner, page, f"{page}/delete", confirm="Notes 2").status_code == 303
    assert admin.get(f"/applications/{made['id']}").status_code == 404


@pytest.mark.database("sqlite", "postgresql")
def test_a_sector_vouches_for_what_the_form_adds(
    owner: FlaskClient, admin: FlaskClient, receiver: Receiver
) -> None:
    uris = ["https://a.example/cb", "https://b.example/cb"]
    receiver.script("/sector", Answer(body=json.dumps(uris).encode()))
    made = admin.post(
        "/applications",
        json={
            "name": "Notes",
            "type": "web",
            "redirectUris": uris,
            "subjectType": "pairwise",
            "sectorIdentifierUri": receiver.url("/sector"),
        },
    ).json["data"]
    page = f"{ROOT}/applications/{made['id']}"
    form = {"name": "Notes", "redirect_uris": "https://a.example/cb"}
    assert submit(owner, page, page, **form).status_code == 303
    answer = submit(owner, page, page, **{**form, "redirect_uris": "https://c.example/cb"})
    assert answer.status_code == 422
    assert "https://c.example/cb" in answer.text
    assert admin.get(f"/applications/{made['id']}").json["data"]["redirectUris"] == ["https://a.example/cb"]


@pytest.mark.database("sqlite", "postgresql")
def test_a_member_is_found_by_the_start_of_the_address(owner: FlaskClient) -> None:
    for email in ("ann@example.com", "Anna_b@example.com", "bob@example.com"):
        make_member(owner, email)

    def found(query: str) -> set[str]:
        text = owner.get(f"{ROOT}/members", query_string={"q": query}).text
        return {name for name in ("ann@", "anna_b@", "bob@") if name in text.lower().split('id="found"')[1]}

    assert found("AN") == {"ann@", "anna_b@"}
    assert found("anna_") == {"anna_b@"}
    assert found("ann_") == set()  # `_` is no wildcard
    assert found("%") == set()
    assert found("") == {"ann@", "anna_b@", "bob@"}


@pytest.mark.database("sqlite", "postgresql")
def test_a_new_password_ends_the_other_sessions(
    app: Flask, owner: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    other = app.test_client()
    form = {"email": "owner@example.com", "password": PASSWORD}
    assert submit(other, f"{ROOT}/sign-in", f"{ROOT}/sign-in", **form).status_code == 303
    page, action = f"{ROOT}/account", f"{ROOT}/account/password"
    assert submit(owner, page, action, current="wrong", password="another long one").status_code == 422
    assert submit(owner, page, action, current=PASSWORD, password="another long one").status_code == 303
    assert owner.get(page).status_code == 200
    assert other.get(page).status_code == 303


def test_the_community_is_renamed_on_every_page(owner: FlaskClient, client: FlaskClient) -> None:
    assert submit(owner, f"{ROOT}/settings", f"{ROOT}/settings", name="Riverside <Makers>").status_code == 303
    assert "Riverside &lt;Makers&gt;" in client.get("/login").text
    assert submit(owner, f"{ROOT}/settings", f"{ROOT}/settings", name="").status_code == 422
    assert submit(owner, f"{ROOT}/settings", f"{ROOT}/settings", name="R", language="xx").status_code == 422
    assert submit(owner, f"{ROOT}/settings", f"{ROOT}/settings", name="R", language="fr").status_code == 303
    origins = "https://a.example/\n\nhttp://localhost:3000"
    fields = {"name": "R", "allowed_origins": origins}
    assert submit(owner, f"{ROOT}/settings", f"{ROOT}/settings", **fields).status_code == 303
    assert "https://a.example\nhttp://localhost:3000</textarea>" in owner.get(f"{ROOT}/settings").text
    fields["allowed_origins"] = "https://<b>/x"
    refused = submit(owner, f"{ROOT}/settings", f"{ROOT}/settings", **fields)
    assert refused.status_code == 422
    assert "“https://&lt;b&gt;/x” must be an origin" in refused.text
    assert owner.application.test_client().get("/login").headers["Content-Language"] == "fr"


@pytest.mark.database("sqlite", "postgresql")
def test_a_signing_key_is_rotated(owner: FlaskClient, admin: FlaskClient) -> None:
    before = len(admin.get("/jwks").json["keys"])
    assert submit(owner, f"{ROOT}/keys", f"{ROOT}/keys/rotate", algorithm="ES256").status_code == 303
    assert len(admin.get("/jwks").json["keys"]) == before + 1
    assert submit(owner, f"{ROOT}/keys", f"{ROOT}/keys/rotate", algorithm="none").status_code == 422


def test_secrets_of_the_settings_are_not_shown(app: Flask, owner: FlaskClient) -> None:
    text = owner.get(f"{ROOT}/settings").text
    for secret in app.extensions["msidp_settings"].secret_keys:
        assert secret not in text
