"""What comes next for a checked request: log in, choose, prove more, consent, an error, or the code. Pure."""

from dataclasses import dataclass
from enum import Enum

from msidp import clock
from msidp.accounts import assurance
from msidp.accounts.browser import Login
from msidp.oidc.authorize.errors import OAuthError
from msidp.oidc.authorize.request import AuthorizeRequest

_ANEW = {"login", "create"}  # each is met by a log-in made for this request


class Step(Enum):
    """What the member does next."""

    LOG_IN = "log in"
    CHOOSE = "choose an account"
    STEP_UP = "prove more"
    CONSENT = "consent"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known beside the request.

    `subject` is what the application calls the member who is logged in; `waiting_since` is when the request
    came (milliseconds), None where it has just arrived; `can_step_up` says whether the member has means to
    satisfy the acr that is asked for; `allowed` holds the scopes that need no consent any more, None where
    the application needs none at all; `assured` is false where nothing tells the application from another
    program on the member's device (see `Client.is_assured_at`), and `is_here` then says whether it asked in
    this browser.
    """

    login: Login | None
    subject: str | None
    waiting_since: int | None
    can_step_up: bool
    allowed: frozenset[str] | None
    assured: bool
    is_here: bool
    now: int

    @property
    def login_is_new(self) -> bool:
        """Whether the member has logged in since the request came, which is as new as it gets."""
        since = self.waiting_since
        return self.login is not None and since is not None and self.login.authenticated_at >= since


def decide(request: AuthorizeRequest, situation: Situation) -> Step:
    """The next step. Raises OAuthError where the request cannot be met."""
    silent = "none" in request.prompt
    login = situation.login
    if login is None or not _suffices(request, login, situation):
        if silent:
            raise OAuthError("login_required", "The member has to log in.")
        return Step.LOG_IN
    if request.subject not in (None, situation.subject):
        raise OAuthError("login_required", "Another member logged in than the one that was meant.")
    if "select_account" in request.prompt and not (
        situation.login_is_new or request.chosen == login.member_id
    ):
        return Step.CHOOSE
    if _proves_too_little(request, login, situation):
        return Step.STEP_UP
    if situation.allowed is not None and _asks(request, login, situation, situation.allowed):
        if silent:
            raise OAuthError("consent_required", "The member has to consent.")
        return Step.CONSENT
    return Step.FINISH


def lacks_acr(request: AuthorizeRequest, login: Login) -> bool:
    """Whether the request asks for a surer log-in than this."""
    return bool(request.acr_values) and assurance.met(login.methods, request.acr_values) is None


def _suffices(request: AuthorizeRequest, login: Login, situation: Situation) -> bool:
    """Whether this log-in is the one asked for. A max_age of 0 is met by one for this request alone."""
    if situation.login_is_new:
        return True
    if not _ANEW.isdisjoint(request.prompt) or request.subject not in (None, situation.subject):
        return False
    if request.max_age is None:
        return True
    age = clock.seconds(situation.now) - clock.seconds(login.authenticated_at)
    return 0 < request.max_age >= age


def _proves_too_little(request: AuthorizeRequest, login: Login, situation: Situation) -> bool:
    """Whether the member is to prove more. What is only wished for is passed over where it cannot be had."""
    if not lacks_acr(request, login):
        return False
    silent = "none" in request.prompt
    if situation.can_step_up and not silent:
        return True
    if not request.acr_essential:
        return False
    if situation.can_step_up:
        raise OAuthError("login_required", "The member has to prove more of who they are.")
    raise OAuthError("unmet_authentication_requirements", "The member has no means to meet the acr.")


def _asks(request: AuthorizeRequest, login: Login, situation: Situation, allowed: frozenset[str]) -> bool:
    """Whether the member is asked. What they have allowed before is not enough where any program could ask.

    There they are to have seen at least one page for this request (RFC 8252, section 8.6).
    """
    if "consent" in request.prompt or not allowed.issuperset(request.consent_scopes):
        return True
    has_acted = (situation.login_is_new and situation.is_here) or request.chosen == login.member_id
    return not (situation.assured or has_acted)
