"""Members in files: what becomes of the records (see `readers`), and the files that msidp writes itself."""

from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session, selectinload

from msidp import clock
from msidp.errors import Conflict, Problem
from msidp.exports import Export
from msidp.members import connections, schemas, service, views
from msidp.members.emails import normalise
from msidp.members.models import Member
from msidp.members.readers import READ_ONLY, Record
from msidp.plans import service as plans
from msidp.vault import foreign

_COLUMNS = (
    "id", "email", "profile.name", "verified", "role", "createdAt", "lastLogin", "plans", "customFields",
    "metaData", "profile", "json", "loginRedirect",
)  # fmt: skip


class Refused(Exception):
    """A record that cannot become a member; the text says why."""


def add(session: Session, community_id: str, record: Record) -> bool:
    """Make a member of a record, with its events; False where the address is a member's already.

    Raises Refused.
    """
    member, password_hash, profile = _read(record)
    try:
        with session.begin_nested():  # one that fails halfway leaves nothing behind
            service.create_member(
                session,
                community_id,
                email=member.email,
                password_hash=password_hash,
                verified=member.verified,
                role=member.role,
                profile=profile,
                custom_fields=member.custom_fields,
                meta_data=member.meta_data,
                json=member.json_,
                login_redirect=member.login_redirect,
                plan_ids=[plan.plan_id for plan in member.plans],
            )
    except Conflict:
        return False
    except Problem as problem:
        raise Refused(problem.message) from None
    return True


def check(session: Session, community_id: str, record: Record) -> bool:
    """Whether add() would make a member of it, without making one. Raises Refused."""
    member, _, _ = _read(record)
    try:
        if service.find_by_email(session, community_id, normalise(member.email).address) is not None:
            return False
        for plan in plans.plans_to_join(session, community_id, [plan.plan_id for plan in member.plans]):
            connections.require_free(plan)
    except Problem as problem:
        raise Refused(problem.message) from None
    return True


def _read(record: Record) -> tuple[schemas.MemberInput, str | None, Any]:
    """A record, its password's hash and its profile as it was given. Raises Refused."""
    body = {name: value for name, value in record.items() if name not in READ_ONLY}
    password_hash = body.pop("passwordHash", None)
    try:
        member = schemas.MemberInput.model_validate(body)
        if password_hash is not None:
            foreign.check(str(password_hash))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except foreign.Unreadable as error:
        raise Refused(f"passwordHash: {error}") from None
    return member, password_hash, body.get("profile")


def record(member: Member, *, hashes: bool) -> Record:
    """A member as a record that `add` takes; with the password's hash where that is asked for."""
    found: Record = {
        "id": member.id,
        "createdAt": clock.iso(member.created_at),
        "lastLogin": clock.iso_or_none(member.last_login_at),
        "email": member.email,
        "verified": member.verified,
        "role": member.role,
        "profile": member.profile,
        "customFields": member.custom_fields,
        "metaData": member.meta_data,
        "json": member.json,
        "loginRedirect": member.login_redirect,
        "plans": [
            {"planId": connection.plan_id}
            for connection in member.plan_connections
            if views.is_active(connection) and connection.price is None
        ],
    }
    return {**found, "passwordHash": member.password_hash} if hashes else found


def export(*, hashes: bool) -> Export:
    """All members as a file that `add` can read again."""
    columns = (*_COLUMNS, "passwordHash") if hashes else _COLUMNS
    view = partial(record, hashes=hashes)
    return Export("members", Member, view, columns, [selectinload(Member.plan_connections)])
