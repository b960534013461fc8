"""The authenticator app: time-based one-time passwords (RFC 6238), six digits in steps of 30 seconds.

A code is good during its step and one step around it, for clocks that differ, and once.
"""

from typing import Any, cast

import pyotp
from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.orm import Session

from msidp import clock
from msidp.accounts.factors.models import AuthenticatorApp
from msidp.errors import Conflict
from msidp.vault.fields import CannotOpen, FieldCipher

DIGITS = 6
_DRIFT = 1  # steps


def begin(session: Session, cipher: FieldCipher, member_id: str) -> None:
    """Give the member a new secret, to be confirmed. Raises Conflict where an app is in use already."""
    if is_on(session, member_id):
        raise Conflict("already-on", "Your account already asks for a code. Remove that app first.")
    session.execute(delete(AuthenticatorApp).where(AuthenticatorApp.member_id == member_id))
    session.add(
        AuthenticatorApp(
            member_id=member_id,
            sealed_secret=cipher.seal(pyotp.random_base32(), _context(member_id)),
            created_at=clock.now(),
            confirmed_at=None,
            last_step=None,
        )
    )
    session.flush()


def is_on(session: Session, member_id: str) -> bool:
    """Whether the member's log-ins ask for a code."""
    statement = select(AuthenticatorApp.member_id).where(
        AuthenticatorApp.member_id == member_id, AuthenticatorApp.confirmed_at.is_not(None)
    )
    return session.scalar(statement) is not None


def unconfirmed_secret(session: Session, cipher: FieldCipher, member_id: str) -> str | None:
    """The secret (base32) that waits to be confirmed; None where none does."""
    sealed = session.scalar(
        select(AuthenticatorApp.sealed_secret).where(
            AuthenticatorApp.member_id == member_id, AuthenticatorApp.confirmed_at.is_(None)
        )
    )
    return sealed and _open(cipher, sealed, member_id)


def uri(secret: str, account: str, issuer: str) -> str:
    """What the QR code says: `otpauth://totp/…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def confirm(session: Session, cipher: FieldCipher, member_id: str, code: str) -> bool:
    """Switch the waiting app on, by a code it shows. One of several requests at once does it."""
    return _use(session, cipher, member_id, code, confirmed=False)


def use(session: Session, cipher: FieldCipher, member_id: str, code: str) -> bool:
    """Take a code of the member's app; true for one caller alone."""
    return _use(session, cipher, member_id, code, confirmed=True)


def remove(session: Session, member_id: str) -> bool:
    """Take the app off. Returns whether there was one in use."""
    was_on = is_on(session, member_id)
    session.execute(delete(AuthenticatorApp).where(AuthenticatorApp.member_id == member_id))
    return was_on


def _use(session: Session, cipher: FieldCipher, member_id: str, code: str, *, confirmed: bool) -> bool:
    state = (
        AuthenticatorApp.confirmed_at.is_not(None) if confirmed else AuthenticatorApp.confirmed_at.is_(None)
    )
    sealed = session.scalar(
        select(AuthenticatorApp.sealed_secret).where(AuthenticatorApp.member_id == member_id, state)
    )
    secret = sealed and _open(cipher, sealed, member_id)
    step = _step_of(secret, code) if secret else None
    if step is None:
        return False
    unused = or_(AuthenticatorApp.last_step.is_(None), AuthenticatorApp.last_step < step)
    values: dict[str, Any] = (
        {"last_step": step} if confirmed else {"last_step": step, "confirmed_at": clock.now()}
    )
    done = session.execute(
        update(AuthenticatorApp)
        .where(
            AuthenticatorApp.member_id == member_id,
            AuthenticatorApp.sealed_secret == sealed,  # begun anew since, it would be another app's code
            state,
            unused,
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", done).rowcount == 1


def _step_of(secret: str, code: str) -> int | None:
    """The step whose code this is; each one that could be is compared, in constant time."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(
            digits, for_time=clock.seconds(clock.now()), valid_window=_DRIFT
        )
    except pyotp.OTPVerificationError:
        return None


def _open(cipher: FieldCipher, sealed: str, member_id: str) -> str | None:
    """The secret; None where the key it was sealed with is gone, so that no code is right."""
    try:
        return cipher.open(sealed, _context(member_id))
    except CannotOpen:
        return None


def _context(member_id: str) -> str:
    return f"authenticator_app:{member_id}"
