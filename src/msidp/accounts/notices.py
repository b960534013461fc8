"""What a member is told by mail about their own account: the grave things, each with what to do about it."""

from sqlalchemy.orm import Session

from msidp import clock
from msidp.mail import outbox
from msidp.members.models import Member

_WORDS = {
    "password_changed": "Your password was changed",
    "password_removed": "Your address was confirmed for the first time, and the password set before removed",
    "passkey_added": "A passkey was added to your account",
    "passkey_removed": "A passkey was removed from your account",
    "authenticator_added": "Two-factor sign-in with an authenticator app was switched on",
    "authenticator_removed": "Two-factor sign-in with an authenticator app was switched off",
    "recovery_code_used": "A recovery code was used to sign in",
    "recovery_codes_replaced": "Your recovery codes were replaced",
    "codes_refused": "Somebody who came as far as your second factor gave wrong codes",
    "sessions_ended": "You were signed out everywhere",
    "data_exported": "All data of your account was downloaded",
}


def tell(
    session: Session,
    member: Member,
    event: str,
    *,
    address: str | None = None,
    user_agent: str | None = None,
) -> None:
    """Mail the member that this happened, in the transaction in which it happens.

    `event` is one of `password_changed`, `password_removed`, `passkey_added`, `passkey_removed`,
    `authenticator_added`, `authenticator_removed`, `recovery_code_used`, `recovery_codes_replaced`,
    `codes_refused`, `sessions_ended`, `data_exported`. `address` and `user_agent` say from where, so that
    the member recognises themselves.
    """
    context = {
        "what": _WORDS[event],
        "at": clock.now(),
        "email": member.email,
        "address": address,
        "user_agent": user_agent,
    }
    outbox.send(
        session,
        community_id=member.community_id,
        to=member.email,
        template="security_notice",
        context=context,
    )


def tell_of_deletion(session: Session, member: Member) -> None:
    """Mail whoever was a member that their account is deleted, in the transaction in which it is."""
    outbox.send(
        session,
        community_id=member.community_id,
        to=member.email,
        template="account_deleted",
        context={"email": member.email, "at": clock.now()},
    )
