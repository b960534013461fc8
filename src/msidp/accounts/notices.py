"""What a member is told by mail about their own account: the grave things, each with what to do about it."""

from sqlalchemy.orm import Session

from msidp import clock
from msidp.accounts.language import of_profile
from msidp.mail import outbox
from msidp.members.models import Member
from msidp.words import words

_WORDS = {
    "password_changed": words("Your password was changed"),
    "password_removed": words(
        "Your address was confirmed for the first time, and the password set before removed"
    ),
    "passkey_added": words("A passkey was added to your account"),
    "passkey_removed": words("A passkey was removed from your account"),
    "authenticator_added": words("Two-factor sign-in with an authenticator app was switched on"),
    "authenticator_removed": words("Two-factor sign-in with an authenticator app was switched off"),
    "recovery_code_used": words("A recovery code was used to sign in"),
    "recovery_codes_replaced": words("Your recovery codes were replaced"),
    "codes_refused": words("Somebody who came as far as your second factor gave wrong codes"),
    "sessions_ended": words("You were signed out everywhere"),
    "data_exported": words("All data of your account was downloaded"),
}


def tell(
    session: Session,
    member: Member,
    event: str,
    *,
    address: str | None = None,
    user_agent: str | None = None,
    language: str | None = None,
) -> None:
    """Mail the member that this happened, in the transaction in which it happens.

    `event` is one of `password_changed`, `password_removed`, `passkey_added`, `passkey_removed`,
    `authenticator_added`, `authenticator_removed`, `recovery_code_used`, `recovery_codes_replaced`,
    `codes_refused`, `sessions_ended`, `data_exported`. `address` and `user_agent` say from where, so that
    the member recognises themselves. `language` is the one to write in where the member has none among
    their claims.
    """
    context = {
        "what": _WORDS[event],
        "at": clock.now(),
        "zone": member.profile.get("zoneinfo"),
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
        language=of_profile(member) or language,
    )


def tell_of_deletion(session: Session, member: Member, language: str) -> None:
    """Mail whoever was a member that their account is deleted, in the transaction in which it is."""
    outbox.send(
        session,
        community_id=member.community_id,
        to=member.email,
        template="account_deleted",
        context={"email": member.email, "at": clock.now(), "zone": member.profile.get("zoneinfo")},
        language=of_profile(member) or language,
    )
