"""What follows an attempt that failed."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.webhooks.support import add_endpoint, attempts, deliveries, delivery, happen

from msidp import clock, db
from msidp.errors import Conflict
from msidp.webhooks import disabling, retry
from msidp.webhooks.models import Delivery
from msidp.webhooks.retry import Attempted, Verdict, judge, read_retry_after

SCHEDULE = (0, 60, 300, 1800, 7200)
NOW = 1_800_000_000_000


def failed(made: int = 0, **more) -> Attempted:
    fields = {"manual": False, "resume_at": None, "status": 500, "ended_at": NOW}
    return Attempted(scheduled_count=made, **fields | more)


@pytest.mark.parametrize(("made", "delay"), [(0, 60), (1, 300), (2, 1800), (3, 7200)])
def test_the_delay_is_the_schedules_counted_from_the_end(made: int, delay: int) -> None:
    assert judge(failed(made), SCHEDULE, 0) == Verdict("failed", NOW + delay * 1000)


def test_after_the_last_attempt_the_delivery_is_exhausted() -> None:
    verdict = judge(failed(4), SCHEDULE, 0)
    assert (verdict.status, verdict.due_at) == ("exhausted", None)
    assert "5 attempts" in (verdict.reason or "")


def test_a_schedule_of_one_knows_no_second_attempt() -> None:
    assert judge(failed(0), (0,), 0).status == "exhausted"


@given(st.integers(0, 3), st.floats(0, 1))
def test_jitter_is_positive_and_small(made: int, chance: float) -> None:
    plain = judge(failed(made), SCHEDULE, 0).due_at
    shaken = judge(failed(made), SCHEDULE, chance).due_at
    assert plain is not None
    assert shaken is not None
    assert plain <= shaken <= plain + (plain - NOW) * 0.1 + 1


def test_gone_is_final() -> None:
    assert judge(failed(0, status=410), SCHEDULE, 0).status == "exhausted"
    assert judge(failed(0, status=410, manual=True, resume_at=NOW + 5), SCHEDULE, 0).due_at is None


def test_a_manual_attempt_leaves_the_schedule_alone() -> None:
    verdict = judge(failed(2, manual=True, resume_at=NOW + 5000), SCHEDULE, 1)
    assert verdict == Verdict("failed", NOW + 5000)
    assert judge(failed(5, manual=True), SCHEDULE, 0).status == "exhausted"


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 60),
        ("30", 60),  # never shorter than the schedule
        ("-5", 60),
        ("NaN", 60),
        ("inf", 60),
        ("1e3", 60),
        ("", 60),
        ("soon", 60),
        ("315360000", 7200),  # ten years
        ("9" * 400, 60),
        (format_datetime(datetime.fromtimestamp(NOW / 1000 + 200, UTC), usegmt=True), 200),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 60),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 7200),
        ("Fri, 99 Zzz 99999 99:99:99 GMT", 60),
    ],
)
def test_retry_after_lengthens_up_to_the_longest_and_never_shortens(header: str, delay: int) -> None:
    assert judge(failed(0, retry_after=header), SCHEDULE, 0).due_at == NOW + delay * 1000


@given(st.text())
def test_any_retry_after_can_be_read(text: str) -> None:
    assert read_retry_after(text, NOW) >= 0


def fail_now(community_id: str, status: str = "failed", **fields) -> Delivery:
    """A delivery in some state, with nobody at it."""
    add_endpoint(community_id, "https://example.com/")
    happen(community_id)
    with db.transaction() as session:
        row = session.merge(delivery())
        row.status, row.due_at = status, NOW
        row.attempt_count = row.scheduled_count = 1
        for name, value in fields.items():
            setattr(row, name, value)
        return row


def ask() -> None:
    with db.transaction() as session:
        retry.request_manual(session, session.merge(delivery()))


def test_asking_by_hand_makes_it_due_and_remembers_the_schedule(app, community_id: str) -> None:
    fail_now(community_id, claims=3)
    before = clock.now()
    ask()
    row = delivery()
    assert (row.status, row.manual, row.resume_at, row.claims) == ("pending", True, NOW, 0)
    assert row.due_at is not None
    assert before <= row.due_at <= clock.now()
    assert row.scheduled_count == 1


def test_an_exhausted_one_has_nothing_to_resume(app, community_id: str) -> None:
    fail_now(community_id, "exhausted", due_at=None, settled_at=NOW, reason="x")
    ask()
    row = delivery()
    assert (row.status, row.resume_at, row.settled_at, row.reason) == ("pending", None, None, None)


@pytest.mark.parametrize("status", ["pending", "succeeded", "canceled"])
def test_others_cannot_be_retried(app, community_id: str, status: str) -> None:
    fail_now(community_id, status)
    with pytest.raises(Conflict):
        ask()
    assert delivery().status == status


def test_one_that_is_being_attempted_cannot_be_retried(app, community_id: str) -> None:
    fail_now(community_id, lease_token="token", due_at=clock.now() + 30_000)
    with pytest.raises(Conflict):
        ask()


def test_one_whose_worker_died_can(app, community_id: str) -> None:
    fail_now(community_id, lease_token="token", due_at=clock.now() - 1)
    ask()
    assert delivery().lease_token is None


def test_none_of_a_disabled_endpoint_can(app, community_id: str) -> None:
    row = fail_now(community_id, "exhausted", due_at=None)
    with db.transaction() as session:
        disabling.disable_endpoint(session, row.endpoint_id, "by hand")
    with pytest.raises(Conflict) as caught:
        ask()
    assert caught.value.code == "webhook-disabled"
    assert attempts() == []
    assert [one.status for one in deliveries()] == ["exhausted"]
