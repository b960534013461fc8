"""Replays: old events once more to one endpoint, in slices that survive whoever makes them."""

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver
from tests.support.threads import at_once
from tests.webhooks.support import add_endpoint, attempts, deliveries, happen

from msidp import clock, db
from msidp.jobs import slices
from msidp.webhooks import replaying, retention
from msidp.webhooks.models import Delivery, Event, EventBody, Replay

LONG_AGO = "2020-01-01T00:00:00Z"


def replay(admin: FlaskClient, endpoint_id: str, **fields: Any) -> Any:
    return admin.post(f"/webhooks/{endpoint_id}/replay", json={"since": LONG_AGO, **fields})


def ask(admin: FlaskClient, endpoint_id: str, **fields: Any) -> str:
    answer = replay(admin, endpoint_id, **fields)
    assert answer.status_code == 200, answer.json
    id_: str = answer.json["data"]["id"]
    return id_


def shown(admin: FlaskClient, replay_id: str) -> dict[str, Any]:
    found: dict[str, Any] = admin.get(f"/replays/{replay_id}").json["data"]
    return found


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def made_by(replay_id: str) -> list[Delivery]:
    return [each for each in deliveries() if each.origin == replay_id]


def test_what_failed_is_delivered_anew_with_its_own_id(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    endpoint_id = add_endpoint(community_id, receiver.url())
    receiver.script("/hook", Answer(500), Answer(200))
    happen(community_id)
    drain()
    happen(community_id)
    drain()
    failed, succeeded = deliveries()
    assert (failed.status, succeeded.status) == ("failed", "succeeded")
    replay_id = ask(admin, endpoint_id, status="failed")
    assert (shown(admin, replay_id)["state"], shown(admin, replay_id)["progress"]) == ("running", 0)
    drain()
    (made,) = made_by(replay_id)
    assert (made.event_id, made.status) == (failed.event_id, "succeeded")
    assert made.id != failed.id
    first, _, again = receiver.wait_for(3)
    assert again.headers["webhook-id"] == first.headers["webhook-id"] == failed.event_id
    assert again.body == first.body
    found = shown(admin, replay_id)
    assert (found["state"], found["progress"], found["eventsExamined"]) == ("completed", 1, 2)
    assert (found["deliveriesCreated"], found["deliveriesOpen"]) == (1, 0)
    assert admin.get(f"/deliveries/{made.id}").json["data"]["replayId"] == replay_id
    assert admin.get(f"/deliveries/{failed.id}").json["data"]["replayId"] is None
    listed = admin.get(f"/webhooks/{endpoint_id}/replays").json
    assert listed["data"] == [found]
    actions = [each["action"] for each in admin.get("/audit-log").json["data"]]
    assert "webhook.replayed" in actions


def test_without_a_status_everything_it_hears_comes_even_what_it_missed(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    happen(community_id, 2)  # before there was an endpoint, so that there is no body of them
    admin.post("/members", json={"email": "ann@example.com"})
    with db.reading() as session:
        assert session.scalars(select(EventBody)).all() == []
    pad = add_endpoint(community_id, receiver.url("/pad"), dialect="memberpad")
    stack = add_endpoint(community_id, receiver.url("/stack"), dialect="memberstack")
    some = add_endpoint(community_id, receiver.url("/some"), events=["member.created"])
    admin.post(f"/webhooks/{pad}/test", json={})
    for endpoint_id in (pad, stack, some):
        ask(admin, endpoint_id)
    drain()
    drain()
    heard = {path: len(receiver.received(path)) for path in ("/pad", "/stack", "/some")}
    assert heard == {"/pad": 4, "/stack": 1, "/some": 1}  # the ping once: it is no event to replay
    replay_id = ask(admin, pad, type="member.joined")
    drain()
    assert [each.message.name for each in with_names(replay_id)] == ["member.joined"]


def with_names(replay_id: str) -> list[Delivery]:
    with db.reading() as session:
        found = list(session.scalars(select(Delivery).where(Delivery.origin == replay_id)))
        for each in found:
            assert each.message.name
        return found


def test_the_span_of_time_is_what_was_asked_for(admin: FlaskClient, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, "https://hooks.example/")
    happen(community_id)
    (before,) = deliveries()
    now = clock.now() + 5
    while clock.now() <= now:
        pass
    happen(community_id)
    early = ask(admin, endpoint_id, until=clock.iso(now - 1))
    slices.advance()
    late = ask(admin, endpoint_id, since=clock.iso(now))
    slices.advance()
    assert [each.event_id for each in made_by(early)] == [before.event_id]
    assert [each.event_id for each in made_by(late)] == [deliveries()[1].event_id]


def test_a_slice_that_is_cut_off_neither_loses_nor_doubles(
    admin: FlaskClient, community_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id = add_endpoint(community_id, "https://hooks.example/")
    happen(community_id, 25)
    monkeypatch.setattr(replaying, "SLICE", 10)
    replay_id = ask(admin, endpoint_id)
    slices.advance(-1)  # out of time before the first slice
    assert made_by(replay_id) == []
    with db.transaction() as session:
        replaying._advance_one(session)
    assert (len(made_by(replay_id)), shown(admin, replay_id)["eventsExamined"]) == (10, 10)
    with pytest.raises(RuntimeError), db.transaction() as session:
        replaying._advance_one(session)
        raise RuntimeError  # as if killed before the commit
    assert (len(made_by(replay_id)), shown(admin, replay_id)["eventsExamined"]) == (10, 10)
    with db.transaction() as session:  # as if the cursor had been lost: the index still keeps doubles out
        found = session.scalars(select(Replay)).one()
        found.cursor = "evt_"
    slices.advance()
    made = made_by(replay_id)
    assert len(made) == len({each.event_id for each in made}) == 25
    assert shown(admin, replay_id)["state"] == "completed"


def test_a_replay_that_cannot_go_on_holds_no_delivery_up(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    happen(community_id)
    with db.transaction() as session:  # what no version of msidp writes, and a repair by hand may
        session.execute(update(Event).values(type="member.created", data={}))
    endpoint_id = add_endpoint(community_id, receiver.url(), dialect="memberpad")
    replay_id = ask(admin, endpoint_id)
    happen(community_id)
    drain()
    assert [each.status for each in deliveries()] == ["succeeded"]
    assert shown(admin, replay_id)["state"] == "running"


def test_several_workers_share_a_replay(admin: FlaskClient, community_id: str, app: Any) -> None:
    endpoint_id = add_endpoint(community_id, "https://hooks.example/")
    happen(community_id, 40)
    replay_id = ask(admin, endpoint_id)

    def work(_number: int) -> None:
        with app.app_context():
            slices.advance()

    at_once(4, work)
    slices.advance()
    assert len({each.event_id for each in made_by(replay_id)}) == len(made_by(replay_id)) == 40
    assert shown(admin, replay_id)["deliveriesCreated"] == 40


def test_a_replay_is_canceled_with_what_it_made(admin: FlaskClient, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, "https://hooks.example/")
    happen(community_id, 3)
    replay_id = ask(admin, endpoint_id)
    assert code(replay(admin, endpoint_id)) == (409, "replay-under-way")
    slices.advance()
    assert shown(admin, replay_id)["deliveriesOpen"] == 3
    canceled = admin.post(f"/replays/{replay_id}/cancel", json={}).json["data"]
    assert (canceled["state"], canceled["deliveriesOpen"]) == ("canceled", 0)
    assert {(each.status, each.reason) for each in made_by(replay_id)} == {
        ("canceled", "The replay was canceled.")
    }
    assert [each.status for each in deliveries() if each.origin == "event"] == ["pending"] * 3
    assert code(admin.post(f"/replays/{replay_id}/cancel", json={})) == (409, "replay-finished")
    running = ask(admin, endpoint_id)
    admin.post(f"/replays/{running}/cancel", json={})
    slices.advance()
    assert made_by(running) == []


def test_an_endpoint_that_ends_ends_its_replays(admin: FlaskClient, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, "https://hooks.example/")
    happen(community_id)
    replay_id = ask(admin, endpoint_id)
    admin.patch(f"/webhooks/{endpoint_id}", json={"enabled": False})
    slices.advance()
    found = shown(admin, replay_id)
    assert (found["state"], found["reason"]) == ("canceled", "The webhook was disabled or deleted.")
    assert made_by(replay_id) == []
    assert code(replay(admin, endpoint_id)) == (409, "webhook-disabled")


def test_what_makes_no_sense_is_refused(admin: FlaskClient, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, "https://hooks.example/")
    for fields in (
        {"since": "2999-01-01T00:00:00Z"},
        {"until": "2019-01-01T00:00:00Z"},
        {"since": "yesterday"},
        {"status": "lost"},
        {"status": ["failed"]},
        {"webhook": "x"},
    ):
        assert code(replay(admin, endpoint_id, **fields)) == (422, "invalid"), fields
    assert code(replay(admin, endpoint_id, type="member.joined")) == (422, "unknown-event-type")
    assert admin.post(f"/webhooks/{endpoint_id}/replay", json={}).status_code == 422
    assert code(replay(admin, "whk_unknown")) == (404, "webhook-not-found")
    for call in (admin.get("/replays/rpl_1"), admin.post("/replays/rpl_1/cancel", json={})):
        assert code(call) == (404, "replay-not-found")


def test_an_expunged_event_is_left_out(admin: FlaskClient, community_id: str) -> None:
    endpoint_id = add_endpoint(community_id, "https://hooks.example/")
    happen(community_id, 2)
    with db.transaction() as session:
        session.execute(update(Event).where(Event.id == deliveries()[0].event_id).values(expunged_at=1))
    replay_id = ask(admin, endpoint_id)
    slices.advance()
    assert [each.event_id for each in made_by(replay_id)] == [deliveries()[1].event_id]


def test_the_log_across_endpoints_is_filtered(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    good = add_endpoint(community_id, receiver.url("/good"), dialect="memberpad")
    bad = add_endpoint(community_id, receiver.url("/bad"))
    receiver.script("/bad", Answer(500))
    happen(community_id, 2)
    drain()
    middle = clock.iso(clock.now())
    member = admin.post("/members", json={"email": "ann@example.com"})
    assert member.status_code == 200
    drain()
    receiver.wait_for(6)
    assert len(attempts()) == 6

    def found(**query: str) -> list[tuple[str, str, str]]:
        answer = admin.get("/deliveries", query_string=query)
        assert answer.status_code == 200, answer.json
        assert answer.json["totalCount"] == len(answer.json["data"]), answer.json
        return sorted((each["webhookId"], each["type"], each["status"]) for each in answer.json["data"])

    posts = [(good, "post.published", "succeeded")] * 2 + [(bad, "post.published", "failed")] * 2
    joined = [(good, "member.joined", "succeeded"), (bad, "member.created", "failed")]
    assert found() == sorted(posts + joined)
    assert found(status="failed") == sorted(posts[2:] + joined[1:])
    assert found(status="succeeded") == sorted(posts[:2] + joined[:1])
    assert found(type="member.joined") == joined[:1]
    assert found(type="member.created") == joined[1:]
    assert found(type="post.published") == sorted(posts)
    assert found(webhook=good) == sorted(posts[:2] + joined[:1])
    assert found(webhook=good, type="post.published", status="succeeded") == posts[:2]
    assert found(since=middle) == sorted(joined)
    assert found(until=middle) == sorted(posts)
    assert found(since=middle, status="pending") == []
    assert found(webhook="whk_unknown") == []
    first = admin.get("/deliveries?first=4&order=DESC").json
    assert (first["totalCount"], first["hasNextPage"]) == (6, True)
    rest = admin.get(f"/deliveries?order=DESC&after={first['endCursor']}").json
    assert len({each["id"] for each in first["data"] + rest["data"]}) == 6
    only = admin.get(f"/webhooks/{bad}/deliveries?type=member.created&since={middle}").json["data"]
    assert [each["type"] for each in only] == ["member.created"]
    for query in ("status=lost", "since=now", "until=x", "first=0", "type=%00"):
        assert admin.get(f"/deliveries?{query}").status_code == 422, query
    for path in ("/deliveries", f"/webhooks/{bad}/deliveries", "/events", "/deliveries/export"):
        refused = admin.get(f"{path}?member=ann@example.com")  # which finds nothing, as if nothing was sent
        assert (refused.status_code, refused.json["details"][0]["field"]) == (422, "member"), path


@pytest.mark.database("postgresql")
@pytest.mark.parametrize("overrides", [{"delivery_retention_days": 20, "event_retention_days": 30}])
def test_old_events_that_are_just_replayed_are_not_purged(admin: FlaskClient, community_id: str) -> None:
    happen(community_id, 2)  # nobody hears: they have no deliveries
    ask(admin, add_endpoint(community_id, "https://receiver.example/"))

    def purge() -> int:
        with admin.application.app_context(), db.transaction() as session:
            return retention.purge_events(session, clock.now() + 31 * clock.DAY)

    with ThreadPoolExecutor(1) as beside:
        with db.transaction() as session:
            replaying._advance_one(session)
            purged = beside.submit(purge)
            wait([purged], 0.5)  # one that waited for this transaction would have begun by then
        assert purged.result() == 0
    assert purge() == 0
    assert len(deliveries()) == 2
