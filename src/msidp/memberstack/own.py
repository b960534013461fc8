"""What members change about how they sign in, from a site's own pages."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from sqlalchemy.orm import Session

from msidp.accounts import credentials, notices, sessions, strength, throttle, trail
from msidp.accounts.mailed import addresses, asking
from msidp.accounts.own.passwords import change
from msidp.accounts.sessions import Login
from msidp.communities.service import Site
from msidp.db import reading, transaction
from msidp.errors import Conflict
from msidp.members import service as members
from msidp.members.emails import Email, normalise
from msidp.members.models import Member
from msidp.members.views import display_name
from msidp.memberstack import entry, schemas
from msidp.memberstack.guard import require_fresh
from msidp.negotiation import language
from msidp.vault.passwords import hash_password
from msidp.words import words


def member_of(site: Site, login: Login) -> Member:
    """Who is logged in. Raises NotFound where they were deleted just now."""
    with reading() as session:
        return members.get_member(session, site.community_id, login.member_id)


def change_auth(site: Site, login: Login, changes: schemas.AuthChanges) -> None:
    """Give the member another address or password, both or neither.

    Each takes the present password beside it, or a log-in of the last minutes. Raises Unauthorized
    (`invalid-credentials`), Forbidden (`login-required`), Conflict (`email-already-in-use`), Invalid,
    TooManyRequests, Busy.
    """
    member = member_of(site, login)
    email = normalise(changes.email) if changes.email is not None else None
    _prove(site, login, member, changes)
    new_hash = _hash(member, changes.new_password) if changes.new_password is not None else None
    if email is not None:
        asking.count_mail(normalise(member.email))  # which gets a notice
        asking.count_mail(email)
    with _trying_an_address(email), transaction() as session:
        if new_hash is not None:
            _set_password(session, login, member, new_hash)
        if email is not None:
            present = members.lock_member(session, site.community_id, member.id)
            addresses.replace(session, present, email)


def set_first_password(site: Site, login: Login, password: str) -> None:
    """Give a password to a member who has none. Raises Conflict, Forbidden, Invalid, Busy."""
    member = member_of(site, login)
    if member.password_hash is not None:
        message = words("This account has a password. Change it, giving the present one.")
        raise Conflict("password-already-set", message)
    require_fresh(login)
    new_hash = _hash(member, password)
    with transaction() as session:
        _set_password(session, login, member, new_hash)


def delete(site: Site, login: Login) -> None:
    """Delete the account, and tell its address. Raises Forbidden (`login-required`), NotFound."""
    require_fresh(login)
    member = member_of(site, login)
    with transaction() as session:
        trail.note(session, member.id, "member.deleted")
        notices.tell_of_deletion(session, member, language())
        members.delete_member(session, site.community_id, member.id)


def _prove(site: Site, login: Login, member: Member, changes: schemas.AuthChanges) -> None:
    if changes.old_password is None:
        if changes.new_password is not None and member.password_hash is not None:
            raise entry.wrong_credentials()
        require_fresh(login)
        return
    limits = throttle.password_limits(site.community_id, member.email, request.remote_addr)
    with throttle.attempt(limits) as attempt:
        if credentials.prove(site.community_id, member.email, changes.old_password) is None:
            attempt.failed()
            trail.refused("password.refused", member.email)
            raise entry.wrong_credentials()


def _hash(member: Member, password: str) -> str:
    strength.check_new(password, (member.email, display_name(member)))
    return hash_password(password)


def _set_password(session: Session, login: Login, member: Member, new_hash: str) -> None:
    """Every other session ends: the old password may be why it changes."""
    change(session, member, new_hash)
    sessions.end_all(session, member.id, kept=login.session_id)
    trail.warn(session, member, "password.changed", "password_changed")


@contextmanager
def _trying_an_address(email: Email | None) -> Iterator[None]:
    """An address that is taken counts as a failure: whoever tries many, to see which are, is stopped."""
    with throttle.attempt(throttle.limits(None, request.remote_addr) if email else []) as attempt:
        try:
            yield
        except Conflict:
            attempt.failed()
            raise
