"""For how many days events, deliveries and attempts are kept: what the community says, else the environment.

0 is for ever.
"""

from collections.abc import Mapping
from typing import Any

from flask import current_app
from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import Session

from msidp.communities.models import Community
from msidp.settings import Settings

NAMES = ("event_retention_days", "delivery_retention_days", "attempt_retention_days")
_COLUMNS = [getattr(Community, name) for name in NAMES]
_CHOSEN = select(*_COLUMNS).where(Community.id == bindparam("community_id"))
_OF_INSTANCE = select(*_COLUMNS).order_by(Community.created_at).limit(1)


def read(session: Session, community_id: str) -> dict[str, int]:
    """The days in force for a community, by NAMES."""
    return _in_force(session.execute(_CHOSEN, {"community_id": community_id}).one())


def of_instance(session: Session) -> dict[str, int]:
    """The days in force for what is purged: an instance has one community."""
    return _in_force(session.execute(_OF_INSTANCE).one_or_none())


def by_environment() -> dict[str, int]:
    """What holds where a community says nothing."""
    settings: Settings = current_app.extensions["msidp_settings"]
    return {name: getattr(settings, name) for name in NAMES}


def change(session: Session, community_id: str, changes: Mapping[str, Any]) -> None:
    """Change what is given; None goes back to what the environment says."""
    if changes:
        session.execute(update(Community).where(Community.id == community_id).values(**changes))


def _in_force(chosen: Row[Any] | None) -> dict[str, int]:
    own = (
        {} if chosen is None else {name: days for name, days in chosen._asdict().items() if days is not None}
    )
    return by_environment() | own
