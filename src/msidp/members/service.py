"""What can be done with members, in terms of the session it is given. Each change records its events."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, attributes, make_transient_to_detached

from msidp import canonical, clock, ids
from msidp.db import core_of
from msidp.errors import Conflict, Invalid, NotFound
from msidp.figures import service as figures
from msidp.images import service as images
from msidp.members import connections, events
from msidp.members.emails import normalise
from msidp.members.models import Member
from msidp.prepared import Prepared
from msidp.statements import insert_new

MAX_OBJECT = 256_000  # characters of one member's customFields, metaData or json, as JSON

_REASONS = {
    "email": "auth.email.updated",
    "verified": "verified.updated",
    "profile": "profile.updated",
    "custom_fields": "customFields.updated",
    "meta_data": "metaData.updated",
    "json": "json.updated",
    "login_redirect": "loginRedirect.updated",
}


_member: Any = Member.__table__
_LOGGED_IN = Prepared(
    update(_member).where(_member.c.id == bindparam("member")).values(last_login_at=bindparam("now"))
)

Departure = Callable[[Session, str], object]
_departures: list[Departure] = []


def before_deletion(listener: Departure) -> None:
    """Have this function called with a member's id before the member is deleted, in that transaction.

    For features above, whose rows go with the member and leave something to do.
    """
    if listener not in _departures:
        _departures.append(listener)


class MemberChanges(TypedDict, total=False):
    """What update_member() takes. What is left out stays as it is."""

    email: str
    verified: bool
    role: str
    profile: Mapping[str, Any]  # merged; a claim that is null goes
    custom_fields: Mapping[str, Any]  # merged
    meta_data: Mapping[str, Any]  # merged
    json: Any  # replaced
    login_redirect: str | None


def create_member(
    session: Session,
    community_id: str,
    *,
    email: str,
    password_hash: str | None = None,
    verified: bool = False,
    custom_fields: Mapping[str, Any] | None = None,
    meta_data: Mapping[str, Any] | None = None,
    json: Any = None,
    login_redirect: str | None = None,
    profile: Mapping[str, Any] | None = None,
    role: str = "member",
    plan_ids: Sequence[str] = (),
) -> Member:
    """A new member, on these free plans. Records member.created, and member.plan.created for each plan.

    Raises Invalid for an unusable address, Conflict (`email-already-in-use`) for one that is taken, and
    what `connections.join` raises for the plans.
    """
    address = normalise(email)
    now = clock.now()
    values = {
        "id": ids.new_id("mem"),
        "community_id": community_id,
        "email": address.address,
        "email_key": address.key,
        "verified": verified,
        "password_hash": password_hash,
        "role": role,
        "profile": _without_nulls(profile or {}),
        "custom_fields": dict(custom_fields or {}),
        "meta_data": dict(meta_data or {}),
        "json": json,
        "login_redirect": login_redirect,
        "created_at": now,
        "updated_at": now,
        "last_login_at": None,
    }
    _check_sizes(values)
    key = insert_new(session, Member, values, unique=("community_id", "email_key"))
    if key is None:
        raise taken()
    member = Member(seq=key[0], **values)
    make_transient_to_detached(member)  # it is in the database: a change to it is an UPDATE
    session.add(member)
    attributes.set_committed_value(member, "plan_connections", [])
    joined = connections.join(session, member, plan_ids)
    events.record_member(session, "member.created", member)
    events.record_joined(session, member, joined)
    figures.count(session, community_id, "joined")
    return member


def get_member(session: Session, community_id: str, member_id: str) -> Member:
    """The member with this id. Raises NotFound (`member-not-found`)."""
    return _existing(_by_id(session, community_id, member_id), member_id)


def find_by_email(session: Session, community_id: str, email: str) -> Member | None:
    """The member with this address, however it is written; None for an unusable one too."""
    try:
        key = normalise(email).key
    except Invalid:
        return None
    return session.scalar(select(Member).where(Member.community_id == community_id, Member.email_key == key))


def find(session: Session, community_id: str, id_or_email: str) -> Member | None:
    """The member with this id or this address."""
    if "@" in id_or_email:
        return find_by_email(session, community_id, id_or_email)
    return _by_id(session, community_id, id_or_email)


def lock_member(session: Session, community_id: str, member_id: str) -> Member:
    """The member with this id, held until the transaction ends. Raises NotFound (`member-not-found`).

    What reads a member's state and writes on the strength of it begins here.
    """
    return _existing(_by_id(session, community_id, member_id, lock=True), member_id)


def record_login(session: Session, member: Member) -> None:
    """Remember that the member logged in now. That alone is no event."""
    now = clock.now()
    core_of(session).run(_LOGGED_IN, {"member": member.id, "now": now})
    attributes.set_committed_value(member, "last_login_at", now)
    figures.count(session, member.community_id, "logged_in")


def update_member(session: Session, community_id: str, member_id: str, changes: MemberChanges) -> Member:
    """Change a member. Records member.updated with its reasons, or nothing where nothing changes.

    A new role is member.role_changed instead. A new address is unverified unless `verified` is given
    with it. Raises NotFound, Invalid, and Conflict (`email-already-in-use`).
    """
    member = lock_member(session, community_id, member_id)
    previous_role = member.role
    previous_picture = member.profile.get("picture")
    values = _values_after(member, changes)
    changed = [field for field, value in values.items() if _differs(value, getattr(member, field))]
    if not changed:
        return member
    _check_sizes(values)
    _write(session, member, {field: values[field] for field in changed})
    if (picture := member.profile.get("picture")) != previous_picture:
        images.discard(session, member.id, but=images.id_in(picture))
    reasons = [reason for field, reason in _REASONS.items() if field in changed]
    if reasons:
        events.record_member(session, "member.updated", member, reason=reasons)
    if "role" in changed:
        events.record_member(
            session, "member.role_changed", member, role=member.role, previousRole=previous_role
        )
    return member


def delete_member(session: Session, community_id: str, member_id: str) -> None:
    """Delete a member with all that hangs on it. Records member.deleted. Raises NotFound."""
    member = lock_member(session, community_id, member_id)
    for listener in _departures:
        listener(session, member_id)
    images.discard(session, member_id)
    events.record_member(session, "member.deleted", member)
    session.execute(delete(Member).where(Member.id == member_id))
    session.expunge(member)
    figures.count(session, community_id, "departed")


def _by_id(session: Session, community_id: str, member_id: str, *, lock: bool = False) -> Member | None:
    statement = select(Member).where(Member.community_id == community_id, Member.id == member_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def _existing(member: Member | None, member_id: str) -> Member:
    if member is None and "@" in member_id:
        message = "Use the member's id here: only GET /members/{id} takes an address in its place."
        raise NotFound("member-not-found", message)
    if member is None:
        raise NotFound("member-not-found", f"There is no member {member_id}.")
    return member


def _values_after(member: Member, changes: MemberChanges) -> dict[str, Any]:
    """The columns as these changes leave them."""
    values: dict[str, Any] = dict(changes)
    for field in ("custom_fields", "meta_data", "profile"):
        if field in values:
            values[field] = {**getattr(member, field), **values[field]}
    if "profile" in values:
        values["profile"] = _profile_after(member.profile, changes["profile"])
    if "email" in values:
        address = normalise(values["email"])
        values |= {"email": address.address, "email_key": address.key}
        if address.key != member.email_key:
            values.setdefault("verified", False)
    return values


def _profile_after(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The profile, merged. Another phone number has not been verified, unless that is said with it."""
    after = _without_nulls({**before, **changes})
    if after.get("phone_number") != before.get("phone_number") and "phone_number_verified" not in changes:
        after.pop("phone_number_verified", None)
    return after


def _differs(one: Any, other: Any) -> bool:
    """Whether two JSON values differ. Python holds `true` and `1` equal; JSON does not."""
    return canonical.dumps(one) != canonical.dumps(other)


def _write(session: Session, member: Member, values: dict[str, Any]) -> None:
    for field, value in {**values, "updated_at": clock.now()}.items():
        setattr(member, field, value)
        attributes.flag_modified(member, field)  # the mapper too would hold `true` and `1` equal
    try:
        session.flush()
    except IntegrityError:
        raise taken() from None


def taken() -> Conflict:
    """What is said where somebody has the address."""
    return Conflict("email-already-in-use", "There is already a member with this address.")


def _without_nulls(profile: Mapping[str, Any]) -> dict[str, Any]:
    """The claims that say something, also within the address."""
    known = {claim: value for claim, value in profile.items() if value is not None}
    if isinstance(known.get("address"), Mapping):
        known["address"] = {part: value for part, value in known["address"].items() if value is not None}
    return known


def _check_sizes(values: Mapping[str, Any]) -> None:
    for field, name in (
        ("custom_fields", "customFields"),
        ("meta_data", "metaData"),
        ("profile", "profile"),
        ("json", "json"),
    ):
        if values.get(field) and len(canonical.dumps(values[field])) > MAX_OBJECT:
            raise Invalid("invalid", f"{name}: a member holds at most {MAX_OBJECT:,} characters of it")
