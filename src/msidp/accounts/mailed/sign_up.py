"""Signing up by mail, where MSIDP_SIGN_UP_PROOF asks for the proof first: nothing tells who has an account.

A known address is mailed that it has one; a new one a link. The account begins with the link. A site with
forms of its own has a code mailed in its place.
"""

from sqlalchemy.orm import Session

from msidp.accounts import language, trail
from msidp.accounts.mailed import sign_in, tokens
from msidp.accounts.mailed.tokens import Asker
from msidp.errors import Conflict, Gone
from msidp.mail import outbox
from msidp.members import service as members
from msidp.members.emails import Email
from msidp.members.models import Member
from msidp.words import words


def ask(
    session: Session,
    community_id: str,
    address: Email,
    *,
    password_hash: str,
    name: str | None,
    asker: Asker,
) -> None:
    """Mail the address how to go on. The same work, whether or not somebody has it."""
    member = members.find_by_email(session, community_id, address.address)
    issued = tokens.issue(
        session,
        tokens.SIGN_UP,
        community_id,
        address,
        member_id=member.id if member else None,
        asker=asker,
        data={"password_hash": password_hash, "name": name},
    )
    outbox.send(
        session,
        community_id=community_id,
        to=address.address,
        template="sign_up_known" if member else "sign_up",
        context={"token": issued.token, "email": address.address},
        expires_at=issued.expires_at,
        language=language.of(member),
    )
    trail.note(session, member.id if member else None, "sign_up.requested")


def ask_by_code(session: Session, community_id: str, address: Email, asker: Asker) -> None:
    """Mail the address a code to sign up with. The same work, whether or not somebody has it."""
    member = members.find_by_email(session, community_id, address.address)
    member_id = member.id if member else None
    code = sign_in.new_code()
    issued = tokens.issue(
        session, tokens.SIGN_UP_CODE, community_id, address, member_id=member_id, asker=asker, code=code
    )
    outbox.send(
        session,
        community_id=community_id,
        to=address.address,
        template="sign_up_known" if member else "sign_up_code",
        context={"email": address.address} if member else {"code": code, "email": address.address},
        expires_at=issued.expires_at,
        language=language.of(member),
    )
    trail.note(session, member_id, "sign_up.requested")


def by_code(session: Session, secret: str, code: str) -> Email | None:
    """The address that this code proves, which nobody had; None where the code is wrong or used up."""
    held = tokens.spend_code(session, secret, "".join(code.split()), tokens.SIGN_UP_CODE)
    return held.email if held and held.member_id is None else None


def finish(session: Session, token: str) -> Member:
    """Make the member whose link this is, with a proved address. Raises Gone."""
    held = tokens.spend(session, tokens.SIGN_UP, token)
    if held is None or held.member_id is not None:
        raise _gone()
    try:
        return members.create_member(
            session,
            held.community_id,
            email=held.email.address,
            password_hash=held.data["password_hash"],
            verified=True,
            profile={"name": held.data["name"]} if held.data["name"] else None,
        )
    except Conflict:
        raise _gone() from None


def _gone() -> Gone:
    return Gone(
        "link-gone", words("This link was used already, or is too old. If you have an account, sign in.")
    )
