"""Operators' factors: an authenticator app, passkeys, and the recovery codes that stand in for them.

An operator who has an app or a passkey is asked for one of them beside the password, always: so with the
first of them come recovery codes, and with the last they go.
"""

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from msidp import db
from msidp.errors import Conflict
from msidp.factors.passkeys import Passkeys
from msidp.factors.recovery import RecoveryCodes
from msidp.factors.second_step import SecondStep
from msidp.factors.totp import AuthenticatorApps
from msidp.operators import sessions
from msidp.operators.models import (
    Operator,
    OperatorApp,
    OperatorPasskey,
    OperatorPendingLogin,
    OperatorRecoveryCode,
)

totp = AuthenticatorApps(OperatorApp, OperatorApp.operator_id)
recovery = RecoveryCodes(OperatorRecoveryCode, OperatorRecoveryCode.operator_id)
passkeys = Passkeys(OperatorPasskey, OperatorPasskey.operator_id)
second_step = SecondStep(
    OperatorPendingLogin, OperatorPendingLogin.operator_id, Operator.id, Operator.password_hash
)


def has_any(session: Session, operator_id: str) -> bool:
    """Whether the operator's sign-in asks for a second factor."""
    return operator_id in having_any(session, [operator_id])


def having_any(session: Session, operator_ids: list[str]) -> set[str]:
    """Which of these operators have a second factor."""
    app = exists().where(OperatorApp.operator_id == Operator.id, OperatorApp.confirmed_at.is_not(None))
    passkey = exists().where(OperatorPasskey.operator_id == Operator.id)
    statement = select(Operator.id).where(Operator.id.in_(operator_ids), or_(app, passkey))
    return set(session.scalars(statement))


def added(session: Session, operator_id: str, keep_session: str) -> list[str] | None:
    """What follows a new factor. Where it is the first: recovery codes, and every other session ends.

    Those were begun with the password alone.
    """
    if recovery.count(session, operator_id):
        return None
    sessions.end_others(session, operator_id, keep_session)
    return recovery.regenerate(session, operator_id)


def removed(session: Session, operator_id: str, *, required: bool) -> None:
    """What follows a factor's removal: with the last one the codes go.

    Raises Conflict (`last-factor`) where it was the last and a second factor is `required`.
    """
    if has_any(session, operator_id):
        return
    if required:
        message = "Every operator here needs a second factor. Add another one first, then remove this."
        raise Conflict("last-factor", message)
    recovery.clear(session, operator_id)


def lock(session: Session, operator_id: str) -> None:
    """Let the changes of an operator's factors wait for each other: which one is the last must be sure."""
    db.lock(session, f"factors of {operator_id}")


def reset(session: Session, operator_id: str) -> bool:
    """Take everything off, for an operator who has lost it, and end their sessions.

    From then on the password alone lets in. Returns whether there was a second factor.
    """
    had = has_any(session, operator_id)
    for model in (OperatorApp, OperatorPasskey, OperatorPendingLogin):
        session.execute(delete(model).where(model.operator_id == operator_id))
    recovery.clear(session, operator_id)
    sessions.end_all(session, operator_id)
    return had
