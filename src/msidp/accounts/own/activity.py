"""What has happened about the security of a member's account, in their own words and to be seen by them."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from msidp.accounts import devices
from msidp.audit import service as audit
from msidp.audit.models import AuditEntry
from msidp.words import Words, words

SHOWN = 25
_WORDS = {
    "member.created": words("Your account was made"),
    "member.logged_in": words("Signed in"),
    "member.stepped_up": words("Confirmed the second factor"),
    "member.logged_out": words("Signed out everywhere else"),
    "member.exported": words("Downloaded your data"),
    "member.updated": words("Your account was changed"),
    "session.ended": words("Signed out of one browser"),
    "password.refused": words("A wrong password was given"),
    "password.changed": words("Changed the password"),
    "password.reset": words("Chose a new password by a mailed link"),
    "password.removed": words("The password set before the address was confirmed was removed"),
    "password_reset.requested": words("Asked for a link to a new password"),
    "sign_in_mail.requested": words("Asked for a code to sign in by mail"),
    "mailed_code.refused": words("A wrong mailed code was given"),
    "sign_up.requested": words("Somebody wanted to sign up with your address"),
    "email.verified": words("Confirmed the address"),
    "email_change.requested": words("Asked for a change of the address"),
    "email_change.stopped": words("Kept the address"),
    "email.changed": words("Changed the address"),
    "passkey.added": words("Added a passkey"),
    "passkey.removed": words("Removed a passkey"),
    "passkey.refused": words("A passkey was refused"),
    "second_factor.added": words("Switched two-factor sign-in on"),
    "second_factor.removed": words("Two-factor sign-in was switched off"),
    "second_factor.refused": words("A wrong code of the second factor was given"),
    "recovery_code.used": words("Used a recovery code"),
    "recovery_codes.regenerated": words("Made new recovery codes"),
    "application.connected": words("Gave an application access"),
    "application.disconnected": words("Took an application’s access away"),
}
_METHODS = {
    "pwd": words("password"),
    "email": words("mailed code or link"),
    "otp": words("authenticator app or recovery code"),
    "hwk": words("passkey"),
    "swk": words("passkey"),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened, `count` times until `at` (milliseconds).

    `place` is the address and `device` what the browser says it is; neither where it was not by the
    member, but by who runs the community.
    """

    words: Words
    at: int
    count: int
    own: bool
    device: str | None
    place: str | None
    methods: list[Words]
    application: str | None


def latest(session: Session, member_id: str) -> list[Happening]:
    """The latest things that happened, newest first."""
    return [_happening(entry) for entry in audit.about(session, member_id, _WORDS, SHOWN)]


def methods_named(methods: Iterable[str]) -> list[Words]:
    """How somebody proved who they are, in words; `methods` are those of an `amr` claim (RFC 8176)."""
    return list(dict.fromkeys(_METHODS[each] for each in methods if each in _METHODS))


def _happening(entry: AuditEntry) -> Happening:
    own = entry.actor_type == "member"
    return Happening(
        words=_WORDS[entry.action],
        at=entry.last_at or entry.at,
        count=entry.count,
        own=own,
        device=devices.describe(entry.user_agent) if own and entry.user_agent else None,
        place=entry.address if own else None,
        methods=methods_named(entry.details.get("methods", ())),
        application=entry.details.get("name"),
    )
