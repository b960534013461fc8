"""What an operator proves who they are by, beside the password: codes and passkeys, throttled and noted."""

from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp.accounts import devices, throttle
from msidp.audit import service as audit
from msidp.communities.guard import default_community_id
from msidp.dashboard.frame import HOME, actor_of, bp, local_page
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem, Unauthorized
from msidp.factors.ceremonies import Answer, Ceremonies, required_site
from msidp.factors.forms import CodeForm
from msidp.factors.passkeys import Used
from msidp.operators import credentials, factors, notices
from msidp.operators.models import Operator
from msidp.operators.sessions import SignedIn

KIND = "operator "  # of the throttles' counters
CODES_TOLD = 5  # wrong codes in a quarter of an hour: the operator hears that somebody has the password

ceremonies = Ceremonies(factors.passkeys, "operator")
bp.add_app_template_global(ceremonies.to_sign_in, "operator_passkey")


def asked(operator_id: str) -> dict[str, Any]:
    """What the page can ask this operator for."""
    with reading() as session:
        by_passkey = factors.passkeys.count(session, operator_id) > 0
        return {
            "asks_code": factors.totp.is_on(session, operator_id),
            "codes_left": factors.recovery.count(session, operator_id),
            "passkey_of": operator_id if by_passkey else None,
            "next": next_path(),
            "by_recovery": request.args.get("with") == "recovery-code",
        }


def is_password(who: SignedIn, password: str) -> bool:
    """Whether this is the password of who is signed in. Who has only their session may not guess at it.

    Raises TooManyRequests, Busy.
    """
    limits = throttle.limits(f"confirm {who.operator_id}", request.remote_addr, KIND)
    with throttle.attempt(limits) as attempt:
        if credentials.prove(who.community_id, who.email, password) is not None:
            return True
        with transaction() as session:
            audit.tally(session, actor_of(who.operator_id), "operator.password_refused", who.operator_id)
        attempt.failed()
    return False


def use_code(session: Session, operator_id: str, form: CodeForm) -> Operator | None:
    """The operator, whose code it is; it is spent. Raises Invalid for an empty form."""
    if errors := form.errors():
        details = [{"field": field, "message": text} for field, text in errors.items()]
        raise Invalid("invalid", "Please check what you entered.", details=details)
    found = find(session, operator_id)
    if found and form.use(session, factors.totp, factors.recovery, found.id):
        if form.by_recovery:
            audit.record(session, actor_of(found.id), "operator.recovery_code_used", found.id)
            _tell(session, found, "recovery_code_used")
        return found
    refusals = audit.tally(session, actor_of(operator_id), "operator.second_factor_refused", operator_id)
    if found and refusals == CODES_TOLD:
        _tell(session, found, "codes_refused")
    return None


def _tell(session: Session, found: Operator, event: str) -> None:
    device = devices.describe(request.user_agent.string)
    notices.tell(session, found, event, address=request.remote_addr, user_agent=device)


def passkey_used(known: str | None, attempt: throttle.Attempt) -> Used:
    """The passkey that signed, whosever it is. `known` is whose the page asked for."""
    here = required_site()
    try:
        challenge = Answer.sent().take_challenge(ceremonies.signing_in)
        with reading() as session:
            return factors.passkeys.verify(session, here, challenge, Answer.sent().credential, known)
    except Problem:
        attempt.failed()
        raise


def find(session: Session, operator_id: str) -> Operator | None:
    """The operator of this community with that id."""
    mine = Operator.community_id == default_community_id()
    return session.scalar(select(Operator).where(Operator.id == operator_id, mine))


def code_limits(operator_id: str) -> list[throttle.Limit]:
    """What throttles the codes tried on this operator's account."""
    return throttle.code_limits(operator_id, request.remote_addr, KIND)


def wrong(form: CodeForm) -> Unauthorized:
    """What is said of a code that is not right."""
    if form.by_recovery:
        return Unauthorized("wrong-code", "This recovery code is wrong, or was used before.")
    return Unauthorized("wrong-code", "This code is wrong, or was used before. Wait for the next one.")


def next_path() -> str:
    """Where this request leads on to: a page of the dashboard."""
    return local_page(request.values.get("next"))


def start_again() -> str:
    """The path of the sign-in page that leads on to the same."""
    return f"{HOME}/sign-in?{urlencode({'next': next_path()})}"
