"""One authorization request on its way: the next step for it, and how it ends."""

import structlog
from flask import redirect
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp import clock
from msidp.accounts import assurance, step_up, trail
from msidp.accounts.browser import Login, current_login, login_url
from msidp.db import core_of, reading, transaction
from msidp.keys.keyring import keyring
from msidp.oidc import grants, sessions, trials
from msidp.oidc.authorize import browsers, consents, pages, pushed, response
from msidp.oidc.authorize.decision import Situation, Step, decide, lacks_acr
from msidp.oidc.authorize.errors import OAuthError, PageError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.authorize.sealed import Waiting
from msidp.oidc.clients import Client
from msidp.oidc.subjects import subject_of
from msidp.words import words

CONTINUE = "/authorize/continue"
OVER = words("This sign-in was finished or has expired. Go back to the application and start again.")

log = structlog.get_logger(__name__)


def take_step(client: Client, waiting: Waiting, *, is_new: bool = False) -> Response | str:
    """Do what comes next for a request that waited, or `is_new` and has just arrived."""
    login = current_login()
    allowed = _allowed(client, login)
    try:
        step, way_up = _decide(client, waiting, login, allowed, is_new=is_new)
    except OAuthError as error:
        return fail(waiting.request, error)
    if step is Step.FINISH and login is not None:
        return finish(client, waiting.request, login)
    if step is Step.CONSENT:
        return pages.consent(client, waiting, continue_path(waiting), allowed or frozenset())
    if step is Step.CHOOSE:
        return pages.account(client, waiting, continue_path(waiting))
    return redirect(way_up if step is Step.STEP_UP and way_up else _login_url(waiting), 303)


def consented(client: Client, waiting: Waiting) -> Response | str:
    """The member has allowed it: finish, unless something else has to come first by now."""
    login = current_login()
    try:
        step, _ = _decide(client, waiting, login, None)
    except OAuthError as error:
        return fail(waiting.request, error)
    if step is Step.FINISH and login is not None:
        return finish(client, waiting.request, login, remember=True)
    return redirect(continue_path(waiting), 303)


def finish(client: Client, asked: AuthorizeRequest, login: Login, *, remember: bool = False) -> Response:
    """Record the grant and send its code."""
    granted = grants.NewGrant(
        client=client,
        member_id=login.member_id,
        session_id=login.session_id,
        scopes=asked.scopes,
        nonce=asked.nonce,
        claims=asked.claims,
        authenticated_at=login.authenticated_at,
        methods=assurance.amr(login.methods),
        acr=assurance.met(login.methods, asked.acr_values) or assurance.acr(login.methods),
        resources=tuple(asked.resources),
        dpop_jkt=asked.dpop_jkt,
    )
    if not trials.is_here(asked):
        raise PageError(OVER, "access_denied", advice="It was begun in another browser.")
    with transaction() as session:
        if not _join(session, client, asked, login):
            return fail(asked, OAuthError("login_required", "The member has just logged out."))
        _take(session, asked)
        if remember and not asked.trial:
            consents.remember(session, login.member_id, client.application_id, asked.consent_scopes)
            name = client.shown_name
            trail.note(session, login.member_id, "application.connected", client.application_id, name=name)
        code = grants.record_with_code(core_of(session), granted, asked.redirect_uri, asked.code_challenge)
    return response.send(asked, asked.success(keyring().issuer, code))


def _join(session: Session, client: Client, asked: AuthorizeRequest, login: Login) -> bool:
    """Hold the session; of a trial its application hears nothing, now or when the session ends."""
    if asked.trial:
        return sessions.hold(session, login.session_id)
    return sessions.join(session, login.session_id, client.application_id)


def fail(asked: AuthorizeRequest, error: OAuthError) -> Response:
    """Send the error to the redirect URI, and note it for whoever looks for it."""
    log.info(
        "authorization failed", client_id=asked.client_id, error=error.error, description=error.description
    )
    if asked.pushed is not None:
        with transaction() as session:
            _take(session, asked)
    return response.send(asked, asked.failure(keyring().issuer, error))


def _take(session: Session, asked: AuthorizeRequest) -> None:
    """End a pushed request with its answer. Raises PageError where it had one before."""
    if asked.pushed is not None and not pushed.take(session, asked.pushed):
        raise PageError(OVER, "invalid_request_uri")


def continue_path(waiting: Waiting) -> str:
    """The local path where the request goes on."""
    return f"{CONTINUE}?request={waiting.token}"


def _decide(
    client: Client,
    waiting: Waiting,
    login: Login | None,
    allowed: frozenset[str] | None,
    *,
    is_new: bool = False,
) -> tuple[Step, str | None]:
    """The next step, and where the member meets the acr that is asked for, if that is it."""
    way_up = None
    if login is not None and lacks_acr(waiting.request, login):
        way_up = step_up.url(login, waiting.request.acr_values, continue_path(waiting))
    situation = Situation(
        login=login,
        subject=None if login is None else subject_of(client, login.member_id),
        waiting_since=None if is_new else waiting.since,
        can_step_up=way_up is not None,
        allowed=allowed,
        assured=client.is_assured_at(waiting.request.redirect_uri),
        is_here=browsers.is_here(waiting.request),
        now=clock.now(),
    )
    return decide(waiting.request, situation), way_up


def _allowed(client: Client, login: Login | None) -> frozenset[str] | None:
    if client.skip_consent or login is None:
        return None
    with reading() as session:
        return consents.allowed_scopes(session, login.member_id, client.application_id)


def _login_url(waiting: Waiting) -> str:
    asked = waiting.request
    return login_url(continue_path(waiting), login_hint=asked.login_hint, signup="create" in asked.prompt)
