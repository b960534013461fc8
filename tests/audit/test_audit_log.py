"""The audit log: entries join their transaction, and each community sees its own."""

import pytest
from flask.testing import FlaskClient

from msidp import db
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.communities.models import Community


def test_an_entry(admin: FlaskClient, community_id: str) -> None:
    actor = Actor(community_id, "member", "mem_1", "192.0.2.7")
    with db.transaction() as session:
        audit.record(session, actor, "session.ended", "ses_1", {"by": "member"})
        audit.record(session, Actor(community_id, "system", None), "key.rotated")
    first, second = admin.get("/audit-log").json["data"]
    assert first.pop("id").startswith("aud_")
    assert first.pop("at").endswith("Z")
    assert first == {
        "action": "session.ended",
        "actor": {"type": "member", "id": "mem_1", "address": "192.0.2.7"},
        "targetId": "ses_1",
        "details": {"by": "member"},
    }
    assert (second["actor"], second["targetId"], second["details"]) == (
        {"type": "system", "id": None, "address": None}, None, {},
    )  # fmt: skip


def test_an_entry_goes_with_its_transaction(admin: FlaskClient, community_id: str) -> None:
    with pytest.raises(RuntimeError), db.transaction() as session:
        audit.record(session, Actor(community_id, "system", None), "key.rotated")
        raise RuntimeError
    assert admin.get("/audit-log").json["totalCount"] == 0


def test_another_communitys_entries_are_not_seen(admin: FlaskClient) -> None:
    with db.transaction() as session:
        session.add(Community(id="other", app_id="app_o", public_key="pk_o", name="O", created_at=1))
        session.flush()
        audit.record(session, Actor("other", "system", None), "key.rotated")
    assert admin.get("/audit-log").json["totalCount"] == 0
