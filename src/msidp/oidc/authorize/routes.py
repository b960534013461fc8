"""/authorize, and the way back to it from the pages where members log in, choose and consent."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import structlog
from flask import Blueprint, g, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from msidp import web
from msidp.accounts import language
from msidp.accounts.browser import current_login
from msidp.accounts.continuation import Continuation
from msidp.db import reading
from msidp.keys.keyring import keyring
from msidp.negotiation import said
from msidp.oidc.authorize import browsers, checks, flow, pushed, sealed
from msidp.oidc.authorize.draft import Draft
from msidp.oidc.authorize.errors import OAuthError, PageError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.authorize.sealed import Waiting
from msidp.oidc.clients import Client, clients
from msidp.words import words

bp = Blueprint("authorize", __name__)
log = structlog.get_logger(__name__)


@bp.get("/authorize")
def authorize() -> Response | str:
    """Check the request and take the first step (OpenID Connect Core 1.0, section 3.1.2)."""
    return _begin(request.args)


@bp.post("/authorize")
def authorize_by_post() -> Response | str:
    """The same by a form. One from elsewhere comes without cookies, so the first step follows a redirect."""
    parameters = MultiDict([*request.args.items(multi=True), *request.form.items(multi=True)])
    return _begin(parameters, redirect_first=True)


@bp.get(flow.CONTINUE)
def proceed() -> Response | str:
    """Go on with a request that waited."""
    waiting = _find(request.args.get("request", ""))
    return flow.take_step(_client_of(waiting.request), waiting)


@bp.post("/authorize/consent")
def consent() -> Response | str:
    """The member's answer on the consent page."""
    web.csrf.protect()
    waiting = _find(request.form.get("request", ""))
    client = _client_of(waiting.request)
    if request.form.get("decision") != "allow":
        return flow.fail(waiting.request, OAuthError("access_denied", "The member refused."))
    return flow.consented(client, waiting)


@bp.post("/authorize/account")
def choose() -> Response:
    """The member goes on as who is logged in, if that is still who the page has shown."""
    web.csrf.protect()
    waiting = _find(request.form.get("request", ""))
    login = current_login()
    if login is not None and request.form.get("account") == login.member_id:
        waiting = sealed.seal(replace(waiting.request, chosen=login.member_id), waiting.since)
    return redirect(flow.continue_path(waiting), 303)


@bp.errorhandler(PageError)
def show_error(error: PageError) -> tuple[str, int]:
    """What the developer did wrong, shown to the person who met it; nothing is redirected."""
    reason = error.advice or str(error)
    log.warning("authorization request refused", error=error.error, reason=reason, **error.context)
    page = render_template(
        "oidc/error.html", problem=error, message=said(error.message), reference=g.request_id
    )
    return page, 400


def continuation(path: str) -> Continuation | None:
    """What the log-in page says of the request behind this path (see `msidp.accounts.continuation`)."""
    parts = urlsplit(path)
    tokens = parse_qs(parts.query).get("request", [])
    if parts.path != flow.CONTINUE or len(tokens) != 1:
        return None
    waiting = sealed.unseal(tokens[0])
    return _continuation(waiting) if waiting else None


def _continuation(waiting: Waiting) -> Continuation | None:
    client = clients().find(waiting.request.client_id)
    return Continuation(client.shown_name, waiting.request.language, waiting.since) if client else None


def _begin(parameters: "MultiDict[str, str]", *, redirect_first: bool = False) -> Response | str:
    client = checks.find_client(parameters, clients())
    if parameters.get("request_uri", "").startswith(pushed.PREFIX):
        asked = _find_pushed(parameters, client)
    else:
        asked = AuthorizeRequest(client.client_id, checks.find_redirect_uri(parameters, client))
        try:
            checks.check(Draft(parameters, client, keyring(), asked))
            checks.check_delivery(client)
        except OAuthError as error:
            return flow.fail(asked, error)
    if not client.is_assured_at(asked.redirect_uri):
        browsers.note(asked)
    waiting = sealed.seal(asked)
    language.wait_for(_continuation(waiting))
    if redirect_first:
        return redirect(flow.continue_path(waiting), 303)
    return flow.take_step(client, waiting, is_new=True)


def _find_pushed(parameters: "MultiDict[str, str]", client: Client) -> AuthorizeRequest:
    """The request that was pushed. What else is in the address does not count (RFC 9101, section 6.3)."""
    uris = parameters.getlist("request_uri")
    if len(uris) > 1:
        raise PageError(flow.OVER, advice="The request names more than one request_uri.")
    with reading() as session:
        asked = pushed.find(session, client.application_id, uris[0])
    if asked is None:
        raise PageError(flow.OVER, "invalid_request_uri")
    _client_of(asked)
    return asked


def _find(token: str) -> Waiting:
    waiting = sealed.unseal(token)
    if waiting is None:
        raise PageError(flow.OVER)
    language.wait_for(_continuation(waiting))
    return waiting


def _client_of(asked: AuthorizeRequest) -> Client:
    """The client of a request that waited, as it is by now."""
    client = clients().find(asked.client_id)
    if client is None or not (asked.trial or client.allows_redirect(asked.redirect_uri)):
        raise PageError(
            words("The application has been changed since. Go back to it and start again."),
            client_id=asked.client_id,
        )
    return client
