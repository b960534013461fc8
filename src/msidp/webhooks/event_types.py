"""Event types of a community's own: registered, changed, removed, found; in terms of the session given.

They go to endpoints of the standard dialect: the vocabularies of the others are fixed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.communities.models import Community
from msidp.errors import Conflict, Invalid, NotFound
from msidp.statements import insert_new
from msidp.webhooks import catalogue, event_schemas
from msidp.webhooks.models import CustomEventType, WebhookEndpoint

MAX_TYPES = 200  # of a community
RESERVED_THINGS = ("member", "subscription")  # what msidp itself tells of
MEMBER_ID = {"properties": {"memberId": catalogue.MEMBER_ID}}
"""What holds for every published event: `memberId`, where there is one, is a member's."""


class TypeChanges(TypedDict, total=False):
    """What update() takes. What is left out stays as it is."""

    description: str
    schema: dict[str, Any]
    example: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Published:
    """What `POST /events` has to know of a type."""

    name: str
    schema: dict[str, Any]


def create(
    session: Session,
    community_id: str,
    *,
    name: str,
    description: str,
    schema: dict[str, Any],
    example: dict[str, Any] | None = None,
) -> CustomEventType:
    """Register a type.

    Raises Invalid (`reserved-event-type` for the names of msidp's own things, `invalid-schema`, `invalid`
    for an example that does not fit) and Conflict (`event-type-exists`, `too-many-event-types`).
    """
    if name.partition(".")[0] in RESERVED_THINGS and name not in catalogue.TYPES:
        things = " and ".join(f"{thing}.*" for thing in RESERVED_THINGS)
        raise Invalid("reserved-event-type", f"{things} are events of msidp itself.")
    _check(schema, example)
    _refuse_one_too_many(session, community_id)
    now = clock.now()
    values = {
        "id": ids.new_id("ety"),
        "community_id": community_id,
        "name": name,
        "description": description,
        "schema": schema,
        "example": example,
        "created_at": now,
        "updated_at": now,
    }
    if name in catalogue.TYPES or insert_new(
        session, CustomEventType, values, unique=("community_id", "name")
    ) is None:  # fmt: skip
        raise Conflict("event-type-exists", f"There is an event type {name} already.")
    return get(session, community_id, name)


def get(session: Session, community_id: str, name: str, *, lock: bool = False) -> CustomEventType:
    """The community's type of this name. Raises NotFound, and Invalid for one of msidp's own."""
    if name in catalogue.TYPES:
        raise Invalid("reserved-event-type", f"{name} is a type of msidp's own; it stays as it is.")
    statement = _named(community_id, name)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound("event-type-not-found", f"There is no event type {name}.")
    return found


def find(session: Session, community_id: str, name: str) -> "catalogue.EventType | CustomEventType":
    """The type of this name, msidp's own or the community's. Raises NotFound."""
    return catalogue.TYPES.get(name) or get(session, community_id, name)


def listed(session: Session, community_id: str) -> Sequence[CustomEventType]:
    """All of the community's types, oldest first."""
    return session.scalars(
        select(CustomEventType)
        .where(CustomEventType.community_id == community_id)
        .order_by(CustomEventType.seq)
    ).all()


def update(session: Session, found: CustomEventType, changes: TypeChanges) -> None:
    """Change a type; events that were published stay as they are. Raises Invalid as create() does."""
    _check(changes.get("schema", found.schema), changes.get("example", found.example))
    for field, value in changes.items():
        setattr(found, field, value)
    found.updated_at = clock.now()
    session.flush()


def delete(session: Session, found: CustomEventType) -> None:
    """Remove a type. Raises Conflict (`event-type-in-use`) while a webhook names it among its events."""
    mine = select(WebhookEndpoint.id, WebhookEndpoint.events).where(
        WebhookEndpoint.community_id == found.community_id, WebhookEndpoint.deleted_at.is_(None)
    )
    naming = [id_ for id_, events in session.execute(mine) if found.name in events]
    if naming:
        raise Conflict("event-type-in-use", f"It is among the events of {', '.join(naming)}.")
    session.delete(found)
    session.flush()


def hold(session: Session, community_id: str, names: Collection[str]) -> set[str]:
    """Which of these the community has registered; those stay until the transaction ends."""
    if not names:
        return set()
    mine = CustomEventType.community_id == community_id
    statement = select(CustomEventType.name).where(mine, CustomEventType.name.in_(names))
    return set(session.scalars(statement.with_for_update(read=True, key_share=True)))


def publishable(session: Session, community_id: str, name: str) -> Published:
    """The type, if applications may publish it.

    Raises Invalid: `unknown-event-type`, and `reserved-event-type` for one that msidp raises itself.
    """
    own = catalogue.TYPES.get(name)
    if own is not None and not own.published:
        raise Invalid("reserved-event-type", f"{name} is raised by msidp itself and cannot be published.")
    if own is not None:
        return Published(name, own.schema)
    schema = session.scalar(
        select(CustomEventType.schema).where(
            CustomEventType.community_id == community_id, CustomEventType.name == name
        )
    )
    if schema is None:
        raise Invalid("unknown-event-type", f"There is no event type {name[:100]!r} (GET /event-types).")
    return Published(name, schema)


def _named(community_id: str, name: str) -> Select[CustomEventType]:
    return select(CustomEventType).where(
        CustomEventType.community_id == community_id, CustomEventType.name == name
    )


def _check(schema: dict[str, Any], example: dict[str, Any] | None) -> None:
    event_schemas.check_schema(schema)
    if example is not None:
        event_schemas.check_data(MEMBER_ID, example, "example")
        event_schemas.check_data(schema, example, "example")


def _refuse_one_too_many(session: Session, community_id: str) -> None:
    session.execute(select(Community.id).where(Community.id == community_id).with_for_update(key_share=True))
    count = session.scalar(
        select(func.count()).select_from(CustomEventType).where(CustomEventType.community_id == community_id)
    )
    if (count or 0) >= MAX_TYPES:
        raise Conflict("too-many-event-types", f"A community has at most {MAX_TYPES} event types of its own.")
