"""What comes next for a checked request: log in, consent, an error, or the code. Pure."""

from dataclasses import dataclass
from enum import Enum

from msidp import clock
from msidp.accounts.browser import Login
from msidp.oidc.authorize.errors import OAuthError
from msidp.oidc.authorize.request import AuthorizeRequest

_ANEW = {"login", "select_account", "create"}  # each is met by a log-in made for this request


class Step(Enum):
    """What the member does next."""

    LOG_IN = "log in"
    CONSENT = "consent"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known beside the request.

    `waiting_since` is when the request was first stored (milliseconds), None where it has just arrived;
    `allowed` holds the scopes that need no consent any more, None where the application needs none at all.
    """

    login: Login | None
    waiting_since: int | None
    allowed: frozenset[str] | None
    now: int


def decide(request: AuthorizeRequest, situation: Situation) -> Step:
    """The next step. Raises OAuthError where the request cannot be met."""
    silent = "none" in request.prompt
    login = situation.login
    if login is None or not _suffices(request, login, situation):
        if silent:
            raise OAuthError("login_required", "The member has to log in.")
        return Step.LOG_IN
    if request.subject not in (None, login.member_id):
        raise OAuthError("login_required", "Another member logged in than the one that was meant.")
    if situation.allowed is not None and _asks(request, situation.allowed):
        if silent:
            raise OAuthError("consent_required", "The member has to consent.")
        return Step.CONSENT
    return Step.FINISH


def _suffices(request: AuthorizeRequest, login: Login, situation: Situation) -> bool:
    """Whether this log-in is the one asked for. One made while the request waited always is new enough."""
    if situation.waiting_since is not None and login.authenticated_at >= situation.waiting_since:
        return True
    if not _ANEW.isdisjoint(request.prompt) or request.subject not in (None, login.member_id):
        return False
    age = clock.seconds(situation.now) - clock.seconds(login.authenticated_at)
    return request.max_age is None or age <= request.max_age


def _asks(request: AuthorizeRequest, allowed: frozenset[str]) -> bool:
    return "consent" in request.prompt or not allowed.issuperset(request.consent_scopes)
