"""What is another community's is not there, whatever is done with its ids."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from tests.dashboard.conftest import csrf_token, make_operator

from msidp import clock, db
from msidp.accounts import sessions
from msidp.communities.models import Community
from msidp.communities.roles import Role
from msidp.members.models import Member
from msidp.operators import service as operators

# Whose something is does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")

LISTS = ("members", "plans", "applications", "webhooks", "deliveries", "events", "api-keys", "audit-log")
LISTS += ("applications/initial-access-tokens",)
OURS = {"passkey_id", "template", "language", "scheme"}  # their pages lead to nothing but one's own


def things_of(admin: FlaskClient, community_id: str) -> dict[str, str]:
    """Something of each kind in the first community: its ids, by the name they have in routes."""

    def made(path: str, **body: Any) -> Any:
        answer = admin.post(path, json=body)
        assert answer.status_code == 200, answer.json
        return answer.json["data"]

    plan = made("/plans", name="Gold")
    member = made("/members", email="ann@example.com", plans=[{"planId": plan["id"]}])
    webhook = made("/webhooks", name="Hook", url="https://hooks.example.com/", dialect="standard")
    application = made("/applications", name="Shop", type="web", redirectUris=["https://shop.example.com/cb"])
    with db.transaction() as session:
        found = session.scalars(select(Member).where(Member.id == member["id"])).one()
        login = sessions.start(session, found, ("pwd",)).login
        invited = operators.invite(session, community_id, "new@example.com", "viewer")
        key = session.execute(text("SELECT id FROM api_key")).scalar_one()
    return {
        "member_id": member["id"],
        "plan_id": plan["id"],
        "connection_id": member["planConnections"][0]["id"],
        "application_id": application["id"],
        "token_id": made("/initial-access-tokens", name="Partners")["id"],
        "webhook_id": webhook["id"],
        "delivery_id": made(f"/webhooks/{webhook['id']}/test")["id"],
        "replay_id": made(f"/webhooks/{webhook['id']}/replay", since="2020-01-01T00:00:00Z")["id"],
        "job_id": made("/members/bulk", action="logOut", ids=[member["id"]])["id"],
        "event_type": made("/event-types", name="invoice.paid")["name"],
        "session_id": login.session_id,
        "invitation_id": invited.id,
        "operator_id": make_operator(community_id, "admin", "their-admin@example.com"),
        "key_id": key,
    }


def give_to_another_community() -> None:
    """All that anybody has. (Only the first one's operators come in, so it is the things that move.)"""
    new = {"app_id": "app_other", "public_key": "pk_other", "name": "Other", "created_at": clock.now()}
    with db.transaction() as session:
        session.add(Community(id="other", **new))
        session.flush()
        for table in db.Base.metadata.sorted_tables:
            if "community_id" in table.columns:
                session.execute(update(table).values(community_id="other"))


def rows() -> dict[str, list[str]]:
    """All that there is, but for what signing in and being refused leave."""
    with db.db.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in db.Base.metadata.sorted_tables
            if not table.name.startswith(("operator_", "audit_", "community_hour"))
        }


def test_another_community_s_things_are_not_there(
    app: Flask, admin: FlaskClient, community_id: str, sign_in: Callable[[Role], FlaskClient]
) -> None:
    ids = things_of(admin, community_id)
    give_to_another_community()
    client = sign_in("owner")
    token = csrf_token(client, "/dashboard")
    before, tried = rows(), 0
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/dashboard/") or not rule.arguments or rule.arguments & OURS:
            continue
        built = rule.build({name: ids[name] for name in rule.arguments}, append_unknown=False)
        assert built
        for method in rule.methods & {"GET", "POST"}:
            form = {"csrf_token": token, "webhook": ids["webhook_id"], "role": "viewer", "name": "Taken"}
            answer = client.open(built[1], method=method, data=form if method == "POST" else None)
            assert answer.status_code == 404, (method, rule.rule, answer.status_code)
            tried += 1
    assert tried > 35
    assert rows() == before
    for name in LISTS:
        page = client.get(f"/dashboard/{name}")
        assert page.status_code == 200, name
        assert not [each for each in ids.values() if each in page.text], name
