"""Signing in without a password, by a code or a link that is mailed.

The code is good in the browser that asked, the link in any. Both are one token: what is used first ends it.
"""

import secrets

from sqlalchemy.orm import Session

from msidp.accounts import language, trail
from msidp.accounts.mailed import addresses, tokens
from msidp.accounts.mailed.tokens import Asker
from msidp.errors import Gone, Unauthorized
from msidp.mail import outbox
from msidp.members import service as members
from msidp.members.emails import Email
from msidp.members.models import Member
from msidp.words import words

DIGITS = 6


def new_code() -> str:
    """A code to be mailed."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def ask(
    session: Session, community_id: str, email: Email, asker: Asker, *, template: str = "sign_in"
) -> None:
    """Mail a code to the member with this address, and a link unless the template is `sign_in_code`.

    Nobody's address gets the same work in vain.
    """
    member = members.find_by_email(session, community_id, email.address)
    member_id = member.id if member else None
    code = new_code()
    issued = tokens.issue(
        session, tokens.SIGN_IN, community_id, email, member_id=member_id, asker=asker, code=code
    )
    outbox.send(
        session,
        community_id=community_id,
        to=member.email if member else None,
        template=template,
        context={"code": code, "token": issued.token, "email": email.address},
        expires_at=issued.expires_at,
        language=language.of(member),
    )
    trail.note(session, member_id, "sign_in_mail.requested")


def by_code(session: Session, secret: str, code: str) -> Member | None:
    """The member who typed the code in the browser that asked for it; None where it is wrong or used up."""
    held = tokens.spend_code(session, secret, "".join(code.split()))
    return addresses.proved(session, held) if held else None


def by_link(session: Session, token: str) -> Member:
    """The member whose link this is. Raises Gone."""
    held = tokens.spend(session, tokens.SIGN_IN, token)
    member = addresses.proved(session, held) if held else None
    if member is None:
        raise Gone("link-gone", words("This link was used already, or is too old."))
    return member


def refused() -> Unauthorized:
    """The answer to a code that is not right."""
    return Unauthorized("wrong-code", words("This code is wrong, or no longer good."))
