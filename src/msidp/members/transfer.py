"""Members in files: what other systems export, and what msidp exports itself.

Each reader turns a file's text into records in the shape of the Admin API's `POST /members`, with
`passwordHash` beside it (see `vault.foreign` for its forms).
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session, selectinload

from msidp import canonical, clock
from msidp.errors import Conflict, Problem
from msidp.exports import Export
from msidp.members import schemas, service, views
from msidp.members.models import Member
from msidp.vault import foreign

Record = dict[str, Any]
_READ_ONLY = ("id", "createdAt", "lastLogin")  # what a record tells and nobody can set
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
    body = {name: value for name, value in record.items() if name not in _READ_ONLY}
    password_hash = body.pop("passwordHash", None)
    try:
        member = schemas.MemberInput.model_validate(body)
        if password_hash is not None:
            foreign.check(str(password_hash))
        with session.begin_nested():  # one that fails halfway leaves nothing behind
            service.create_member(
                session,
                community_id,
                email=member.email,
                password_hash=password_hash,
                verified=member.verified,
                role=member.role,
                profile=body.get("profile"),
                custom_fields=member.custom_fields,
                meta_data=member.meta_data,
                json=member.json_,
                login_redirect=member.login_redirect,
                plan_ids=[plan.plan_id for plan in member.plans],
            )
    except Conflict:
        return False
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except foreign.Unreadable as error:
        raise Refused(f"passwordHash: {error}") from None
    except Problem as problem:
        raise Refused(problem.message) from None
    return True


def record(member: Member, *, hashes: bool) -> Record:
    """A member as a record that `add` takes; with the password's hash where that is asked for."""
    found: Record = {
        "id": member.id,
        "createdAt": clock.iso(member.created_at),
        "lastLogin": None if member.last_login_at is None else clock.iso(member.last_login_at),
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


def _own(text: str, _options: dict[str, Any]) -> Iterator[Record]:
    yield from _json_records(text)


def _auth0(text: str, _options: dict[str, Any]) -> Iterator[Record]:
    """Auth0's bulk export, `password_hash` or `passwordHash` among its fields where it was asked for."""
    for user in _json_records(text):
        yield {
            "email": user.get("email"),
            "verified": user.get("email_verified") is True,
            "profile": _profile(user, "name", "given_name", "family_name", "nickname", "picture"),
            "metaData": _known({"auth0Id": user.get("user_id")}),
            "customFields": user.get("user_metadata") or {},
            "passwordHash": user.get("passwordHash") or user.get("password_hash"),
        }


def _firebase(text: str, options: dict[str, Any]) -> Iterator[Record]:
    """`firebase auth:export`; `options` are the project's hash parameters, as its console shows them."""
    for user in _json_records(text):
        hashed, salt = user.get("passwordHash"), user.get("salt")
        if hashed and salt:
            try:
                rounds, memory = options["rounds"], options["mem_cost"]
                parts = (rounds, memory, options["base64_salt_separator"], options["base64_signer_key"])
            except KeyError as missing:
                raise ValueError(f"the hash parameters lack {missing}") from None
            plain = (part.replace("-", "+").replace("_", "/") for part in (salt, hashed))
            hashed = "$".join(map(str, ("firebase-scrypt", *parts, *plain)))
        yield {
            "email": user.get("email"),
            "verified": user.get("emailVerified") is True,
            "profile": _known({"name": user.get("displayName"), "picture": user.get("photoUrl")}),
            "metaData": _known({"firebaseId": user.get("localId")}),
            "passwordHash": hashed or None,
        }


def _django(text: str, _options: dict[str, Any]) -> Iterator[Record]:
    """`manage.py dumpdata auth.user`."""
    for row in _json_records(text):
        user = row.get("fields") or {}
        names = [user.get("first_name"), user.get("last_name")]
        hashed = str(user.get("password") or "").removeprefix("argon2")
        yield {
            "email": user.get("email"),
            "profile": _known(
                {
                    "name": " ".join(filter(None, names)),
                    "given_name": names[0],
                    "family_name": names[1],
                    "preferred_username": user.get("username"),
                }
            ),
            "passwordHash": None
            if not hashed or hashed.startswith("!")
            else hashed,  # `!`: none that is usable
        }


def _memberstack(text: str, _options: dict[str, Any]) -> Iterator[Record]:
    """Memberstack's CSV. Its export holds no passwords; its own columns apart, all become custom fields."""
    for row in csv.DictReader(io.StringIO(text)):
        given = {
            (name or "").strip(): (value or "").strip()
            for name, value in row.items()
            if isinstance(value, str)
        }
        by_name = {name.casefold(): name for name in given}
        email, id_ = (
            given.pop(by_name[name], "") if name in by_name else "" for name in ("email", "member id")
        )
        for name in ("created at", "last login", "verified"):
            given.pop(by_name.get(name, ""), None)
        fields = {name: value for name, value in given.items() if name and value}
        yield {"email": email, "customFields": fields, "metaData": _known({"memberstackId": id_})}


READERS: dict[str, Callable[[str, dict[str, Any]], Iterator[Record]]] = {
    "msidp": _own,
    "auth0": _auth0,
    "firebase": _firebase,
    "django": _django,
    "memberstack": _memberstack,
}


def _json_records(text: str) -> Iterable[Record]:
    """The objects of a JSON array, of `{"users": […]}`, or of lines. Raises ValueError."""
    stripped = text.lstrip("\ufeff \t\r\n")
    try:
        found = json.loads(stripped)
    except json.JSONDecodeError:
        found = [canonical.loads(line.encode()) for line in stripped.splitlines() if line.strip()]
    if isinstance(found, dict):
        found = found.get("users", [found])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("the file holds no list of members")
    return found


def _profile(user: Record, *names: str) -> dict[str, Any]:
    return _known({name: user.get(name) for name in names})


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
