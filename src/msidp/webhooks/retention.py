"""What is kept for how long, and what a deleted member leaves: purged and expunged in small transactions.

Attempts, deliveries and events each are kept for some days (see `keeping`). A deleted member's data goes
sooner: once every delivery of its events is settled, member.deleted included.
"""

from typing import Any

from sqlalchemy import and_, delete, exists, null, select, update
from sqlalchemy.orm import Session, aliased

from msidp import clock, ids
from msidp.statements import seq_before
from msidp.webhooks import keeping
from msidp.webhooks.models import Attempt, Delivery, Event, EventBody, Replay

SLICE = 500  # rows deleted in one transaction
MEMBERS = 20  # whose data is expunged in one transaction


def purge_attempts(session: Session, now: int) -> int:
    """Delete some of the attempts that are older than the setting says. Returns how many."""
    days = keeping.of_instance(session)["attempt_retention_days"]
    if not days:
        return 0
    cutoff = now - days * clock.DAY
    below = seq_before(session, Attempt.seq, Attempt.at, cutoff)
    return _delete(session, Attempt, and_(Attempt.seq < below, Attempt.at < cutoff))


def purge_deliveries(session: Session, now: int) -> int:
    """Delete some of the deliveries that were settled before, with their attempts. Returns how many."""
    days = keeping.of_instance(session)["delivery_retention_days"]
    if not days:
        return 0
    cutoff = now - days * clock.DAY
    below = seq_before(session, Delivery.seq, Delivery.created_at, cutoff)
    over = and_(Delivery.seq < below, Delivery.due_at.is_(None), Delivery.settled_at < cutoff)
    deleted = _delete(session, Delivery, over)
    if deleted < SLICE:
        deleted += _delete(session, Replay, Replay.finished_at < cutoff)
    return deleted


def purge_events(session: Session, now: int) -> int:
    """Delete some of the events that are older, with their bodies. One that has a delivery stays."""
    kept = keeping.of_instance(session)
    days = max(kept["event_retention_days"], kept["delivery_retention_days"])
    if not (kept["event_retention_days"] and kept["delivery_retention_days"]):
        return 0
    unused = ~exists().where(Delivery.event_id == Event.id)
    older = (
        select(Event.seq)
        .where(Event.id < ids.first_id("evt", now - days * clock.DAY), unused)
        .order_by(Event.id)
        .limit(SLICE)
        .with_for_update(skip_locked=True)
    )
    # A replay holds the events that it makes deliveries of: those are left alone, and what it made of the
    # others just before they were locked is seen by this second look.
    some = session.scalars(older).all()
    return _rows(session, delete(Event).where(Event.seq.in_(some), unused))


def expunge_members(session: Session, now: int) -> int:
    """Forget what the events of some deleted members told, and what was answered to them.

    That it happened stays: types, moments, statuses. Returns how many members.
    """
    of_member = aliased(Event)
    is_open = (
        exists()
        .where(of_member.member_id == Event.member_id, Delivery.event_id == of_member.id)
        .where(Delivery.due_at.is_not(None))
    )
    gone = select(Event.member_id).where(Event.type == "member.deleted", Event.expunged_at.is_(None))
    members = list(session.scalars(gone.where(~is_open).limit(MEMBERS)))
    for member_id in members:
        _expunge(session, member_id, now)
    return len(members)


def told_of_member(session: Session, member_id: str) -> None:
    """Where the member was deleted: let expunge_members() come again, for there is something new.

    Waits for an expunging that is under way, which would not see what this transaction adds.
    """
    deleted = (Event.member_id == member_id, Event.type == "member.deleted")
    session.connection().execute(update(Event).where(*deleted).values(expunged_at=None))


def _expunge(session: Session, member_id: str | None, now: int) -> None:
    theirs = Event.member_id == member_id
    # Whoever asks for a new attempt holds the event: it comes before us and keeps us off, or finds nothing.
    session.execute(select(Event.seq).where(theirs).order_by(Event.seq).with_for_update())
    events = select(Event.id).where(theirs)
    deliveries = select(Delivery.id).where(Delivery.event_id.in_(events))
    if session.scalar(deliveries.where(Delivery.due_at.is_not(None)).limit(1)) is not None:
        return
    connection = session.connection()
    answers = {"response_headers": None, "response_excerpt": None}
    connection.execute(update(Attempt).where(Attempt.delivery_id.in_(deliveries)).values(answers))
    connection.execute(update(EventBody).where(EventBody.event_id.in_(events)).values(body=b""))
    connection.execute(update(Event).where(theirs).values(data=null(), expunged_at=now))


def _delete(session: Session, model: Any, condition: Any) -> int:
    """Delete the oldest rows that fit. The condition twice: a row may change while somebody is waited for."""
    some = select(model.seq).where(condition).order_by(model.seq).limit(SLICE)
    return _rows(session, delete(model).where(model.seq.in_(some), condition))


def _rows(session: Session, statement: Any) -> int:
    count: int = session.connection().execute(statement).rowcount
    return count
