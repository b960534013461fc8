"""/authorize, and the way back to it from the pages where members log in and consent."""

from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, g, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from msidp import clock, web
from msidp.accounts.browser import Login, current_login, current_member, login_url
from msidp.accounts.continuation import Continuation
from msidp.db import reading, transaction
from msidp.keys.keyring import keyring
from msidp.oidc import grants, scopes
from msidp.oidc.authorize import checks, response, waiting
from msidp.oidc.authorize.decision import Situation, Step, decide
from msidp.oidc.authorize.errors import OAuthError, PageError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.authorize.waiting import Waiting
from msidp.oidc.clients import Client, clients

CONTINUE = "/authorize/continue"

bp = Blueprint("authorize", __name__)


@bp.get("/authorize")
def authorize() -> Response | str:
    """Check the request and take the first step (OpenID Connect Core 1.0, section 3.1.2)."""
    return _begin(request.args)


@bp.post("/authorize")
def authorize_by_post() -> Response | str:
    """The same by a form. One from elsewhere comes without cookies, so the first step follows a redirect."""
    parameters = MultiDict([*request.args.items(multi=True), *request.form.items(multi=True)])
    return _begin(parameters, store_first=True)


@bp.get(CONTINUE)
def proceed() -> Response | str:
    """Go on with a request that was stored."""
    stored = _find(request.args.get("request", ""))
    return _take_step(_client_of(stored.request), stored.request, stored)


@bp.post("/authorize/consent")
def consent() -> Response | str:
    """The member's answer on the consent page."""
    web.csrf.protect()
    stored = _find(request.form.get("request", ""))
    client = _client_of(stored.request)
    try:
        if request.form.get("decision") != "allow":
            raise OAuthError("access_denied", "The member refused.")
        login = current_login()
        situation = Situation(login, stored.since, None, clock.now())
        if login is None or decide(stored.request, situation) is Step.LOG_IN:
            return _to_login(stored)
        return _finish(client, stored.request, login, stored, remember=True)
    except OAuthError as error:
        return _fail(stored.request, error, stored)


@bp.errorhandler(PageError)
def show_error(error: PageError) -> tuple[str, int]:
    """What the developer did wrong, shown to the person who met it; nothing is redirected."""
    page = render_template("oidc/error.html", message=str(error), code=error.error, reference=g.request_id)
    return page, 400


def continuation(path: str) -> Continuation | None:
    """What the log-in page says of the request behind this path (see `msidp.accounts.continuation`)."""
    parts = urlsplit(path)
    tokens = parse_qs(parts.query).get("request", [])
    if parts.path != CONTINUE or len(tokens) != 1:
        return None
    with reading() as session:
        stored = waiting.find(session, tokens[0])
    client = clients().find(stored.request.client_id) if stored else None
    if stored is None or client is None:
        return None
    return Continuation(client.name)


def _begin(parameters: "MultiDict[str, str]", *, store_first: bool = False) -> Response | str:
    client = checks.find_client(parameters, clients())
    draft = AuthorizeRequest(client.client_id, checks.find_redirect_uri(parameters, client))
    try:
        checks.check(checks.Draft(parameters, client, keyring(), draft))
    except OAuthError as error:
        return _fail(draft, error)
    if store_first:
        return redirect(_continue_path(_store(client, draft)), 303)
    return _take_step(client, draft, None)


def _take_step(client: Client, asked: AuthorizeRequest, stored: Waiting | None) -> Response | str:
    login = current_login()
    since = stored.since if stored else None
    try:
        step = decide(asked, Situation(login, since, _allowed(client, login), clock.now()))
    except OAuthError as error:
        return _fail(asked, error, stored)
    if step is Step.FINISH and login is not None:
        return _finish(client, asked, login, stored)
    stored = stored or _store(client, asked)
    if step is Step.CONSENT:
        return _consent_page(client, stored)
    return _to_login(stored)


def _finish(
    client: Client, asked: AuthorizeRequest, login: Login, stored: Waiting | None, *, remember: bool = False
) -> Response:
    """Record the grant and send its code. A stored request is finished once."""
    granted = grants.NewGrant(
        client=client,
        member_id=login.member_id,
        session_id=login.session_id,
        scopes=asked.scopes,
        nonce=asked.nonce,
        claims=asked.claims,
        authenticated_at=login.authenticated_at,
        methods=login.methods,
    )
    with transaction() as session:
        _take(session, stored)
        if remember:
            waiting.remember_consent(session, login.member_id, client.application_id, asked.consent_scopes)
        code = grants.open_grant(session.connection(), granted, asked.redirect_uri, asked.code_challenge)
    return response.send(asked, asked.success(keyring().issuer, code))


def _fail(asked: AuthorizeRequest, error: OAuthError, stored: Waiting | None = None) -> Response:
    with transaction() as session:
        _take(session, stored)
    return response.send(asked, asked.failure(keyring().issuer, error))


def _take(session: Session, stored: Waiting | None) -> None:
    if stored is not None and not waiting.take(session, stored.token):
        raise _over()


def _allowed(client: Client, login: Login | None) -> frozenset[str] | None:
    if client.skip_consent or login is None:
        return None
    with reading() as session:
        return waiting.allowed_scopes(session, login.member_id, client.application_id)


def _store(client: Client, asked: AuthorizeRequest) -> Waiting:
    with transaction() as session:
        return waiting.store(session, client.application_id, asked)


def _find(token: str) -> Waiting:
    with reading() as session:
        stored = waiting.find(session, token)
    if stored is None:
        raise _over()
    return stored


def _over() -> PageError:
    return PageError("This sign-in was finished or has expired. Go back to the application and start again.")


def _client_of(asked: AuthorizeRequest) -> Client:
    """The client of a stored request, as it is by now."""
    client = clients().find(asked.client_id)
    if client is None or not client.allows_redirect(asked.redirect_uri):
        raise PageError("The application has been changed since. Go back to it and start again.")
    return client


def _to_login(stored: Waiting) -> Response:
    asked = stored.request
    return redirect(
        login_url(_continue_path(stored), login_hint=asked.login_hint, signup="create" in asked.prompt), 303
    )


def _continue_path(stored: Waiting) -> str:
    return f"{CONTINUE}?request={stored.token}"


def _consent_page(client: Client, stored: Waiting) -> str:
    web.let_forms_lead_away()
    return render_template(
        "oidc/consent.html",
        application=client.name,
        token=stored.token,
        member=current_member(),
        another_login=login_url(_continue_path(stored)),
        permissions=[scopes.MEMBER_SCOPES[scope] for scope in stored.request.consent_scopes],
    )
