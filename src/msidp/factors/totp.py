"""The authenticator app: time-based one-time passwords (RFC 6238), six digits in steps of 30 seconds.

A code is good during its step and one step around it, for clocks that differ, and once.
"""

from typing import Any, cast

import pyotp
from sqlalchemy import CursorResult, bindparam, delete, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from msidp import clock
from msidp.db import core_of
from msidp.errors import Conflict
from msidp.factors.models import AuthenticatorAppColumns
from msidp.prepared import Prepared
from msidp.vault.fields import CannotOpen, FieldCipher
from msidp.words import words

DIGITS = 6
_DRIFT = 1  # steps


class AuthenticatorApps:
    """The apps of one kind of account, of which each has one at most."""

    def __init__(self, model: type[AuthenticatorAppColumns], owner: InstrumentedAttribute[str]) -> None:
        """`owner` is the table's column that says whose an app is."""
        self._model, self._owner = model, owner
        confirmed = owner == bindparam("owner"), model.confirmed_at.is_not(None)
        self._confirmed = Prepared(select(owner).where(*confirmed))

    def begin(self, session: Session, cipher: FieldCipher, owner_id: str) -> None:
        """Make a new secret, to be confirmed. Raises Conflict where an app is in use already."""
        if self.is_on(session, owner_id):
            raise Conflict(
                "already-on", words("Your account already asks for a code. Remove that app first.")
            )
        session.execute(delete(self._model).where(self._owner == owner_id))
        values = {
            self._owner.key: owner_id,
            "sealed_secret": cipher.seal(pyotp.random_base32(), self._context(owner_id)),
            "created_at": clock.now(),
        }
        session.add(self._model(**values))
        session.flush()

    def is_on(self, session: Session, owner_id: str) -> bool:
        """Whether log-ins ask for a code."""
        return core_of(session).one(self._confirmed, {"owner": owner_id}) is not None

    def unconfirmed_secret(self, session: Session, cipher: FieldCipher, owner_id: str) -> str | None:
        """The secret (base32) that waits to be confirmed; None where none does."""
        sealed = session.scalar(
            select(self._model.sealed_secret).where(
                self._owner == owner_id, self._model.confirmed_at.is_(None)
            )
        )
        return sealed and self._open(cipher, sealed, owner_id)

    def confirm(self, session: Session, cipher: FieldCipher, owner_id: str, code: str) -> bool:
        """Switch the waiting app on, by a code it shows. One of several requests at once does it."""
        return self._use(session, cipher, owner_id, code, confirmed=False)

    def use(self, session: Session, cipher: FieldCipher, owner_id: str, code: str) -> bool:
        """Take a code of the app; true for one caller alone."""
        return self._use(session, cipher, owner_id, code, confirmed=True)

    def remove(self, session: Session, owner_id: str) -> bool:
        """Take the app off. Returns whether there was one in use."""
        was_on = self.is_on(session, owner_id)
        session.execute(delete(self._model).where(self._owner == owner_id))
        return was_on

    def _use(
        self, session: Session, cipher: FieldCipher, owner_id: str, code: str, *, confirmed: bool
    ) -> bool:
        model = self._model
        state = model.confirmed_at.is_not(None) if confirmed else model.confirmed_at.is_(None)
        sealed = session.scalar(select(model.sealed_secret).where(self._owner == owner_id, state))
        secret = sealed and self._open(cipher, sealed, owner_id)
        step = _step_of(secret, code) if secret else None
        if step is None:
            return False
        values: dict[str, Any] = (
            {"last_step": step} if confirmed else {"last_step": step, "confirmed_at": clock.now()}
        )
        done = session.execute(
            update(model)
            .where(
                self._owner == owner_id,
                model.sealed_secret == sealed,  # begun anew since, it would be another app's code
                state,
                or_(model.last_step.is_(None), model.last_step < step),
            )
            .values(values)
            .execution_options(synchronize_session=False)
        )
        return cast("CursorResult[Any]", done).rowcount == 1

    def _open(self, cipher: FieldCipher, sealed: str, owner_id: str) -> str | None:
        """The secret; None where the key it was sealed with is gone, so that no code is right."""
        try:
            return cipher.open(sealed, self._context(owner_id))
        except CannotOpen:
            return None

    def _context(self, owner_id: str) -> str:
        return f"{self._model.__tablename__}:{owner_id}"


def uri(secret: str, account: str, issuer: str) -> str:
    """What the QR code says: `otpauth://totp/…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def grouped(secret: str) -> str:
    """The secret as a person types it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


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
