"""Counting and reading. A count joins its transaction, and is written right before that commits.

The row of the present hour is everybody's: whoever held it for long would hold all others up. So it is
touched last, in one statement, with everything that the transaction has counted.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Literal, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.db import before_commit, core_of
from msidp.figures.adding import add_up
from msidp.figures.models import CommunityHour

Field = Literal["joined", "departed", "logged_in", "refused"]
FIELDS: tuple[Field, ...] = ("joined", "departed", "logged_in", "refused")


class Hour(NamedTuple):
    """The figures of one hour; `at` is its first millisecond."""

    at: int
    joined: int
    departed: int
    logged_in: int
    refused: int


def count(session: Session, community_id: str, field: Field) -> None:
    """Count one, once this session commits."""
    if "figures" not in session.info:
        session.info["figures"] = Counter()
        before_commit(session, "figures", _write)
    session.info["figures"][community_id, field] += 1


def hours(session: Session, community_id: str, since: int) -> list[Hour]:
    """The hours in which something happened, oldest first, from the one that `since` lies in."""
    columns = (getattr(CommunityHour, field) for field in FIELDS)
    statement = (
        select(CommunityHour.hour, *columns)
        .where(CommunityHour.community_id == community_id, CommunityHour.hour >= hour_of(since))
        .order_by(CommunityHour.hour)
    )
    return [Hour(*row) for row in session.execute(statement)]


def members(session: Session, community_id: str) -> int:
    """How many members the community has: those who joined less those who left, exactly, and at once."""
    total = func.sum(CommunityHour.joined) - func.sum(CommunityHour.departed)
    return int(session.scalar(select(total).where(CommunityHour.community_id == community_id)) or 0)


def hour_of(moment: int) -> int:
    """The first millisecond of the hour."""
    return moment - moment % clock.HOUR


def _write(session: Session) -> None:
    counted: Mapping[tuple[str, Field], int] = session.info.pop("figures")
    hour = hour_of(clock.now())
    rows = [
        {"community_id": id_, "hour": hour, **{field: counted.get((id_, field), 0) for field in FIELDS}}
        for id_ in sorted({id_ for id_, _ in counted})
    ]
    add_up(core_of(session), CommunityHour, rows)
