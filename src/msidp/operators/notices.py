"""What an operator is told by mail about how they sign in."""

from sqlalchemy.orm import Session

from msidp import clock, languages
from msidp.mail import outbox
from msidp.operators.models import Operator

_WORDS = {
    "authenticator_added": "An authenticator app was added to your operator account",
    "authenticator_removed": "The authenticator app was removed from your operator account",
    "passkey_added": "A passkey was added to your operator account",
    "passkey_removed": "A passkey was removed from your operator account",
    "recovery_code_used": "A recovery code was used to sign in to the dashboard",
    "recovery_codes_replaced": "The recovery codes of your operator account were replaced",
    "codes_refused": "Somebody who knows your password tried wrong codes at the dashboard",
    "password_changed": "The password of your operator account was changed",
    "password_reset": "The password of your operator account was changed by a mailed link",
    "factors_reset": "Your second factor was taken off your operator account, and you were signed out",
}


def tell(
    session: Session,
    operator: Operator,
    event: str,
    *,
    address: str | None = None,
    user_agent: str | None = None,
) -> None:
    """Mail the operator that this happened (a key of the words above), in the same transaction."""
    context = {
        "what": _WORDS[event],
        "at": clock.now(),
        "email": operator.email,
        "address": address,
        "user_agent": user_agent,
    }
    outbox.send(
        session,
        community_id=operator.community_id,
        to=operator.email,
        template="operator_notice",
        context=context,
        language=languages.SOURCE,  # as the dashboard
    )
