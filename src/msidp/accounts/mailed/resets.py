"""Forgotten passwords: a link to the member's address, and a new password in return."""

from sqlalchemy.orm import Session

from msidp.accounts import language, sessions, trail
from msidp.accounts.mailed import addresses, tokens
from msidp.accounts.mailed.tokens import Asker
from msidp.errors import Gone
from msidp.mail import outbox
from msidp.members import service as members
from msidp.members.emails import Email
from msidp.members.models import Member
from msidp.words import words


def ask(session: Session, community_id: str, email: Email, asker: Asker | None) -> None:
    """Mail a link to the member with this address. For an address that nobody has, the same work in vain.

    Without a browser that asks, for a site with a form of its own, the link's token is one to type there.
    """
    member = members.find_by_email(session, community_id, email.address)
    member_id = member.id if member else None
    written = Email(member.email, member.email_key) if member else email
    issued = tokens.issue(
        session,
        tokens.RESET,
        community_id,
        written,
        member_id=member_id,
        asker=asker,
        typed=asker is None,
    )
    context = {"token": issued.token, "email": written.address}
    if asker is None:
        context["code"] = tokens.shown(issued.token)
    outbox.send(
        session,
        community_id=community_id,
        to=member.email if member else None,
        template="reset_password" if asker else "reset_password_code",
        context=context,
        expires_at=issued.expires_at,
        language=language.of(member),
    )
    trail.note(session, member_id, "password_reset.requested")


def finish(session: Session, token: str, password_hash: str) -> Member:
    """Set the new password and end every session and every other mailed token. Raises Gone.

    The link proves the address too.
    """
    held = tokens.spend(session, tokens.RESET, token)
    member = addresses.proved(session, held) if held else None
    if member is None:
        raise Gone("link-gone", words("This link was used already, or is too old."))
    member.password_hash = password_hash
    session.flush()
    tokens.revoke(session, member.id, tokens.RESET, tokens.SIGN_IN, tokens.CHANGE)
    sessions.end_all(session, member.id)
    trail.warn(session, member, "password.reset", "password_changed")
    return member
