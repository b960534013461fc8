"""Addresses of members: the proof that they are theirs, and the change to another one.

An address counts as verified by proof alone: a link or a code that was mailed to it came back.
"""

from flask import request
from sqlalchemy import delete
from sqlalchemy.orm import Session

from msidp.accounts import devices, language, sessions, trail
from msidp.accounts.factors.models import Passkey
from msidp.accounts.mailed import tokens
from msidp.accounts.mailed.tokens import Held, Issued
from msidp.errors import Conflict, Gone, Invalid, NotFound
from msidp.mail import outbox
from msidp.members import service as members
from msidp.members.emails import Email, normalise
from msidp.members.models import Member
from msidp.words import words

_TO_THE_PRESENT = (tokens.RESET, tokens.SIGN_IN, tokens.VERIFY)  # mails that a new address makes worthless


def proved(session: Session, held: Held) -> Member | None:
    """The member of a token that came back, whose address is proved by it; locked.

    None where the member is gone, or has another address by now. Where nobody had proved the address
    before, the account may have been made by somebody who only typed it: their password, passkeys and
    sessions end, and the owner of the address is alone with it. A second factor stays, for it lets nobody in.
    """
    try:
        member = members.lock_member(session, held.community_id, held.member_id or "")
    except NotFound:
        return None
    if member.email_key != held.email.key:
        return None
    if not member.verified:
        if member.password_hash is not None and held.purpose == tokens.SIGN_IN:
            trail.warn(session, member, "password.removed", "password_removed")
        member.password_hash = None
        session.execute(delete(Passkey).where(Passkey.member_id == member.id))
        sessions.end_all(session, member.id)
        _verify(session, member)
    return member


def ask_for_proof(session: Session, member: Member) -> None:
    """Mail the member a link that proves their address."""
    email = normalise(member.email)
    issued = tokens.issue(session, tokens.VERIFY, member.community_id, email, member_id=member.id)
    outbox.send(
        session,
        community_id=member.community_id,
        to=member.email,
        template="verify_email",
        context={"token": issued.token, "email": member.email},
        expires_at=issued.expires_at,
        language=language.of(member),
    )


def confirm(session: Session, token: str) -> Member:
    """Note that the address is the member's. Raises Gone."""
    held = tokens.spend(session, tokens.VERIFY, token)
    if held is None or held.member_id is None:
        raise _gone()
    member = _locked(session, held)
    if member.email_key != held.email.key:
        raise _gone()
    if not member.verified:
        _verify(session, member)
    return member


def ask_to_change(session: Session, member: Member, email: Email) -> None:
    """Mail a link to the new address, and to the present one a notice with a way to stop it.

    The same page and the same mails whether or not somebody else has the new address. Raises Invalid where
    it is the present one.
    """
    if email.key == member.email_key:
        raise Invalid("same-email", words("This is your address already."))
    taken = members.find_by_email(session, member.community_id, email.address) is not None
    tokens.revoke(session, member.id, tokens.CHANGE)
    issued = tokens.issue(session, tokens.CHANGE, member.community_id, email, member_id=member.id)
    outbox.send(
        session,
        community_id=member.community_id,
        to=email.address,
        template="address_in_use" if taken else "change_email",
        context={"email": email.address} if taken else {"token": issued.token, "email": email.address},
        expires_at=issued.expires_at,
        language=language.of(member),
    )
    _warn(session, member, email, "email_change_notice")
    trail.note(session, member.id, "email_change.requested")


def change(session: Session, token: str) -> Member:
    """Give the member the address that the link was mailed to. Raises Gone, Conflict."""
    held = tokens.spend(session, tokens.CHANGE, token)
    if held is None:
        raise _gone()
    member = _locked(session, held)
    _warn(session, member, held.email, "email_changed")
    try:
        changes: members.MemberChanges = {"email": held.email.address, "verified": True}
        member = members.update_member(session, member.community_id, member.id, changes)
    except Conflict:
        raise _gone() from None
    tokens.revoke(session, member.id, *_TO_THE_PRESENT)
    trail.note(session, member.id, "email.changed")
    return member


def replace(session: Session, member: Member, email: Email) -> Member:
    """Give the member another address at once, to be proved. Raises Conflict (`email-already-in-use`).

    The former address is told, with a way back; what was mailed to it is worthless.
    """
    if email.key != member.email_key:
        _warn(session, member, email, "email_changed")
        tokens.revoke(session, member.id, *_TO_THE_PRESENT, tokens.CHANGE)
        trail.note(session, member.id, "email.changed")
    changed = members.update_member(session, member.community_id, member.id, {"email": email.address})
    if not changed.verified:
        ask_for_proof(session, changed)
    return changed


def keep(session: Session, token: str) -> Issued:
    """Stop a change of address, or take it back, at the word of the former address. Raises Gone.

    Whoever asked for the change was logged in: every session ends. Returns a token for a new password.
    """
    held = tokens.spend(session, tokens.KEEP, token)
    if held is None:
        raise _gone()
    member = _locked(session, held)
    tokens.revoke(session, member.id, tokens.CHANGE, tokens.RESET, tokens.SIGN_IN)
    if member.email_key == held.data["new_key"]:
        _take_back(session, member, held.email)
    elif member.email_key != held.email.key:
        raise _gone()
    sessions.end_all(session, member.id)
    trail.note(session, member.id, "email_change.stopped")
    return tokens.issue(session, tokens.RESET, member.community_id, held.email, member_id=member.id)


def _take_back(session: Session, member: Member, email: Email) -> None:
    try:
        changes: members.MemberChanges = {"email": email.address, "verified": True}
        members.update_member(session, member.community_id, member.id, changes)
    except Conflict:
        raise _gone() from None


def _warn(session: Session, member: Member, new: Email, template: str) -> None:
    """Tell the present address that `new` is to take its place, or does now, with a way to keep it."""
    present = Email(member.email, member.email_key)
    keep = tokens.issue(
        session, tokens.KEEP, member.community_id, present, member_id=member.id, data={"new_key": new.key}
    )
    outbox.send(
        session,
        community_id=member.community_id,
        to=member.email,
        template=template,
        context={
            "token": keep.token,
            "email": member.email,
            "new_email": new.address,
            "address": request.remote_addr,
            "user_agent": devices.describe(request.user_agent.string),
        },
        language=language.of(member),
    )


def _locked(session: Session, held: Held) -> Member:
    try:
        return members.lock_member(session, held.community_id, held.member_id or "")
    except NotFound:
        raise _gone() from None


def _verify(session: Session, member: Member) -> None:
    members.update_member(session, member.community_id, member.id, {"verified": True})
    trail.note(session, member.id, "email.verified")


def _gone() -> Gone:
    return Gone("link-gone", words("This link was used already, or is too old."))
