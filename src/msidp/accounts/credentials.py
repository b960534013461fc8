"""Proving who one is by address and password.

These functions read, close the database, and then hash: argon2 takes a hundred times longer than a
query, and no transaction may wait for it.
"""

from dataclasses import dataclass

from msidp.db import reading
from msidp.errors import Conflict
from msidp.members import service as members
from msidp.members.emails import normalise
from msidp.vault import passwords
from msidp.words import words


@dataclass(frozen=True, slots=True)
class Proof:
    """The password was right for this member, whose stored hash was `password_hash`."""

    member_id: str
    password_hash: str
    new_hash: str | None  # where the stored one was made with parameters that are no longer ours


def prove(community_id: str, email: str, password: str) -> Proof | None:
    """Check address and password; None where one of them is wrong.

    An unknown account costs the same work as a wrong password. Raises Busy when too many passwords are
    being hashed.
    """
    with reading() as session:
        member = members.find_by_email(session, community_id, email)
    stored = member.password_hash if member else None
    if not passwords.verify_password(password, stored) or member is None or stored is None:
        return None
    new_hash = passwords.rehash(password) if passwords.needs_rehash(stored) else None
    return Proof(member.id, stored, new_hash)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A checked sign-up to an address that was free a moment ago."""

    email: str
    password_hash: str
    name: str | None


def prepare_account(community_id: str, email: str, password: str, name: str | None) -> NewAccount | Proof:
    """Check a sign-up. Somebody who signs up again with their own password gets a Proof, as by a log-in.

    Raises Invalid for an unusable address or password, Conflict (`cannot-sign-up`) for an address that
    is taken, Busy. One hash is worked out in each case.
    """
    normalise(email)
    passwords.check_new(password)
    with reading() as session:
        known = members.find_by_email(session, community_id, email) is not None
    if not known:
        return NewAccount(email, passwords.hash_password(password), name)
    proof = prove(community_id, email, password)
    if proof is None:
        raise cannot_sign_up()
    return proof


def cannot_sign_up() -> Conflict:
    """The answer to a sign-up with somebody's address; it does not say so (see docs/decisions)."""
    return Conflict(
        "cannot-sign-up",
        words("No account could be made with these details. If you already have one, sign in instead."),
    )
