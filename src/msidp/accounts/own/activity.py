"""What has happened about the security of a member's account, in their own words and to be seen by them."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from msidp.accounts import devices
from msidp.audit import service as audit
from msidp.audit.models import AuditEntry

SHOWN = 50
_WORDS = {
    "member.created": "Your account was made",
    "member.logged_in": "Signed in",
    "member.stepped_up": "Confirmed the second factor",
    "member.logged_out": "Signed out everywhere else",
    "member.exported": "Downloaded your data",
    "member.updated": "Your account was changed",
    "session.ended": "Signed out of one browser",
    "password.refused": "A wrong password was given",
    "password.changed": "Changed the password",
    "password.reset": "Chose a new password by a mailed link",
    "password.removed": "The password set before the address was confirmed was removed",
    "password_reset.requested": "Asked for a link to a new password",
    "sign_in_mail.requested": "Asked for a code to sign in by mail",
    "mailed_code.refused": "A wrong mailed code was given",
    "sign_up.requested": "Somebody wanted to sign up with your address",
    "email.verified": "Confirmed the address",
    "email_change.requested": "Asked for a change of the address",
    "email_change.stopped": "Kept the address",
    "email.changed": "Changed the address",
    "passkey.added": "Added a passkey",
    "passkey.removed": "Removed a passkey",
    "passkey.refused": "A passkey was refused",
    "second_factor.added": "Switched two-factor sign-in on",
    "second_factor.removed": "Two-factor sign-in was switched off",
    "second_factor.refused": "A wrong code of the second factor was given",
    "recovery_code.used": "Used a recovery code",
    "recovery_codes.regenerated": "Made new recovery codes",
    "application.connected": "Gave an application access",
    "application.disconnected": "Took an application's access away",
}
_METHODS = {
    "pwd": "password",
    "email": "mailed code or link",
    "otp": "authenticator app or recovery code",
    "hwk": "passkey",
    "swk": "passkey",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened, `count` times until `at` (milliseconds).

    `place` is the address and `device` what the browser says it is; neither where it was not by the
    member, but by who runs the community.
    """

    words: str
    at: int
    count: int
    own: bool
    device: str | None
    place: str | None
    what: str  # by which methods, or the application; may be empty


def latest(session: Session, member_id: str) -> list[Happening]:
    """The latest things that happened, newest first."""
    return [_happening(entry) for entry in audit.about(session, member_id, _WORDS, SHOWN)]


def _happening(entry: AuditEntry) -> Happening:
    own = entry.actor_type == "member"
    return Happening(
        words=_WORDS[entry.action],
        at=entry.last_at or entry.at,
        count=entry.count,
        own=own,
        device=devices.describe(entry.user_agent) if own and entry.user_agent else None,
        place=entry.address if own else None,
        what=_what(entry),
    )


def _what(entry: AuditEntry) -> str:
    methods = [_METHODS[method] for method in entry.details.get("methods", ()) if method in _METHODS]
    return str(entry.details.get("name", "")) or ", ".join(dict.fromkeys(methods))
