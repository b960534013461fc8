"""/end-session: an application sends a member here to log out (OpenID Connect RP-Initiated Logout 1.0).

An ID token of ours as the hint shows that the request comes from its application. Where it is about the
member who is logged in, nobody is asked; in all other cases the person is. The way back leads to a
registered address of the hint's application, or of the one that the person agreed to be signed out by, and
nowhere else.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from msidp import canonical, web
from msidp.accounts import browser
from msidp.db import transaction
from msidp.errors import BadRequest
from msidp.keys.keyring import InvalidToken, keyring
from msidp.oidc import redirects, tokens
from msidp.oidc.clients import Client, clients
from msidp.oidc.subjects import subject_of
from msidp.words import words

MAX_LENGTH = 10_000  # characters of one parameter; it has to fit into an address
_PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")

bp = Blueprint("end_session", __name__)


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """What is asked for, and what of it holds.

    `client` and `subject` are those of a good hint; without any hint `client` is the one that the client_id
    names. `return_to` is where the browser goes afterwards, None for nowhere.
    """

    parameters: dict[str, str]
    client: Client | None = None
    subject: str | None = None
    return_to: str | None = None

    def is_about(self, member_id: str) -> bool:
        """Whether the hint names this member, by the subject that its client knows."""
        if self.client is None or self.subject is None:
            return False
        return subject_of(self.client, member_id) == self.subject


@bp.get("/end-session")
def end_session() -> Response | str:
    """Log the member out, after a question where the request might not be theirs (section 2)."""
    asked = _check(request.args)
    login = browser.current_login()
    if login is not None and not asked.is_about(login.member_id):
        return _ask(asked)
    return _log_out(asked)


@bp.post("/end-session")
def end_session_by_post() -> Response:
    """The same by a form. One from elsewhere comes without cookies; a redirect brings them along."""
    asked = _check(MultiDict([*request.args.items(multi=True), *request.form.items(multi=True)]))
    return redirect(f"/end-session?{urlencode(asked.parameters)}", 303)


@bp.post("/end-session/confirm")
def confirm() -> Response | str:
    """The person's answer on the page that asks."""
    web.csrf.protect()
    return _log_out(_check(request.form), confirmed=True)


def _check(given: "MultiDict[str, str]") -> LogoutRequest:
    """Raises BadRequest for parameters that nobody could mean."""
    parameters = _read(given)
    hint = _claims(parameters.get("id_token_hint"))
    named = parameters.get("client_id")
    client = clients().find(str(hint.get("aud") if "id_token_hint" in parameters else named))
    if client is None or named not in (None, client.client_id):
        return LogoutRequest(parameters)
    uri = parameters.get("post_logout_redirect_uri")
    return_to = uri if uri in client.post_logout_redirect_uris else None
    return LogoutRequest(parameters, client, hint.get("sub"), return_to)


def _read(given: "MultiDict[str, str]") -> dict[str, str]:
    """The parameters known here, those without a value left out."""
    for name in _PARAMETERS:
        values = given.getlist(name)
        if len(values) > 1:
            raise BadRequest("invalid-request", words("The parameter %(name)s is there twice.", name=name))
        if values and len(values[0]) > MAX_LENGTH:
            raise BadRequest("invalid-request", words("The parameter %(name)s is too long.", name=name))
    found = {name: given[name] for name in _PARAMETERS if given.get(name)}
    try:
        canonical.check_text("".join(found.values()))
    except ValueError:
        raise BadRequest("invalid-request", words("A parameter holds a NUL character.")) from None
    return found


def _claims(hint: str | None) -> dict[str, Any]:
    """What an ID token of ours says, an expired one too; nothing for anything else."""
    if hint is None:
        return {}
    try:
        return keyring().verify(hint, typ={tokens.ID_TOKEN_TYPE}, allow_expired=True)
    except InvalidToken:
        return {}


def _ask(asked: LogoutRequest) -> str:
    if asked.return_to is not None:
        web.let_forms_lead_away()
    return render_template(
        "oidc/end_session.html",
        application=asked.client and asked.client.shown_name,
        member=browser.current_member(),
        parameters=asked.parameters,
        here=f"/end-session?{urlencode(asked.parameters)}",
    )


def _log_out(asked: LogoutRequest, *, confirmed: bool = False) -> Response | str:
    """End the session and go back. Where only a client_id names the application, if the person has agreed."""
    return_to = asked.return_to if confirmed or asked.subject is not None else None
    if browser.current_login() is not None:
        with transaction() as session:
            browser.end_session(session)
    if return_to is None:
        refused = asked.client is not None and "post_logout_redirect_uri" in asked.parameters
        return render_template(
            "oidc/signed_out.html", refused=refused and asked.return_to is None, here="/logout"
        )
    state = asked.parameters.get("state")
    url = redirects.with_parameters(return_to, {"state": state}) if state else return_to
    return redirect(url, 302 if request.method == "GET" else 303)
