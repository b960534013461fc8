"""The audit log: entries join their transaction, and each community sees its own."""

import pytest
import time_machine
from flask.testing import FlaskClient

from msidp import clock, db
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.communities.models import Community


def test_an_entry(admin: FlaskClient, community_id: str) -> None:
    actor = Actor(community_id, "member", "mem_1", "192.0.2.7", "Firefox")
    with db.transaction() as session:
        audit.record(session, actor, "session.ended", "ses_1", {"by": "member"})
        audit.record(session, Actor(community_id, "system", None), "key.rotated")
    first, second = admin.get("/audit-log").json["data"]
    assert first.pop("id").startswith("aud_")
    assert first.pop("at") == first.pop("lastAt")
    assert first == {
        "action": "session.ended",
        "count": 1,
        "actor": {"type": "member", "id": "mem_1", "address": "192.0.2.7", "userAgent": "Firefox"},
        "targetId": "ses_1",
        "memberId": "mem_1",
        "details": {"by": "member"},
    }
    assert (second["actor"], second["targetId"], second["details"]) == (
        {"type": "system", "id": None, "address": None, "userAgent": None}, None, {},
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


def test_whose_account_it_is_about(admin: FlaskClient, community_id: str) -> None:
    key, own = Actor(community_id, "api_key", "key_1"), Actor(community_id, "member", "mem_1")
    with db.transaction() as session:
        audit.record(session, key, "member.updated", "mem_2")
        audit.record(session, key, "session.ended", "ses_1", {"memberId": "mem_3"})
        audit.record(session, own, "passkey.added", "psk_1")
        audit.record(session, key, "plan.created", "pln_1")
    with db.reading() as session:
        found = {
            name: [each.action for each in audit.all_about(session, name)] for name in ("mem_1", "mem_2")
        }
    assert found == {"mem_1": ["passkey.added"], "mem_2": ["member.updated"]}
    told = [each["memberId"] for each in admin.get("/audit-log").json["data"]]
    assert told == ["mem_2", "mem_3", "mem_1", None]


def test_what_a_flood_repeats_has_one_entry_a_window(admin: FlaskClient, community_id: str) -> None:
    def refuse(target: str | None, address: str) -> int:
        with db.transaction() as session:
            actor = Actor(community_id, "member", None, address)
            return audit.tally(session, actor, "password.refused", target)

    start = clock.now() // audit.WINDOW * audit.WINDOW / clock.SECOND
    with time_machine.travel(start, tick=False) as travel:
        assert [refuse("mem_1", f"192.0.2.{number}") for number in range(5)] == [1, 2, 3, 4, 5]
        travel.shift(60)
        assert [refuse(None, "192.0.2.9"), refuse("mem_2", "192.0.2.9"), refuse(None, "192.0.2.9")] == [
            1,
            1,
            2,
        ]
        assert refuse("mem_1", "192.0.2.9") == 6
        travel.shift(15 * 60)
        assert refuse("mem_1", "192.0.2.9") == 1
    entries = admin.get("/audit-log").json["data"]
    assert [(each["memberId"], each["count"]) for each in entries] == [
        ("mem_1", 6), (None, 2), ("mem_2", 1), ("mem_1", 1),
    ]  # fmt: skip
    assert entries[0]["lastAt"] > entries[0]["at"]
    assert entries[0]["actor"]["address"] == "192.0.2.9"
