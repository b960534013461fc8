"""What members change about how they sign in, from a site's own pages."""

from flask import request

from msidp.accounts import credentials, notices, sessions, strength, throttle, trail
from msidp.accounts.mailed import addresses, asking
from msidp.accounts.own.passwords import change
from msidp.accounts.sessions import Login
from msidp.communities.service import Site
from msidp.db import reading, transaction
from msidp.errors import Conflict
from msidp.members import service as members
from msidp.members.emails import normalise
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
    """Give the member another address or password.

    Either takes the present password beside it, or a log-in of the last minutes. Raises Unauthorized
    (`invalid-credentials`), Forbidden (`login-required`), Conflict (`email-already-in-use`), Invalid,
    TooManyRequests, Busy.
    """
    member = member_of(site, login)
    _prove(site, login, member, changes)
    if changes.new_password is not None:
        _set_password(login, member, changes.new_password)
    if changes.email is not None:
        _set_address(site, login, changes.email)


def set_first_password(site: Site, login: Login, password: str) -> None:
    """Give a password to a member who has none. Raises Conflict, Forbidden, Invalid, Busy."""
    member = member_of(site, login)
    if member.password_hash is not None:
        message = words("This account has a password. Change it, giving the present one.")
        raise Conflict("password-already-set", message)
    require_fresh(login)
    _set_password(login, member, password)


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


def _set_password(login: Login, member: Member, password: str) -> None:
    """Every other session ends: the old password may be why it changes."""
    strength.check_new(password, (member.email, display_name(member)))
    new_hash = hash_password(password)
    with transaction() as session:
        change(session, member, new_hash)
        sessions.end_all(session, member.id, kept=login.session_id)
        trail.warn(session, member, "password.changed", "password_changed")


def _set_address(site: Site, login: Login, text: str) -> None:
    """An address that is taken counts as a failure: whoever tries many, to see which are, is stopped."""
    email = normalise(text)
    asking.count_mail(email)
    with throttle.attempt(throttle.limits(None, request.remote_addr)) as attempt:
        try:
            with transaction() as session:
                member = members.lock_member(session, site.community_id, login.member_id)
                addresses.replace(session, member, email)
        except Conflict:
            attempt.failed()
            raise
