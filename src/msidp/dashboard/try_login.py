"""'Try login': log in to an application in this browser, and read what it would have been told."""

from flask import current_app, redirect, request
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.dashboard.applications import PATH, application_page
from msidp.dashboard.frame import HOME, actor, bp, needs, operator, page
from msidp.dashboard.tokens_shown import Shown, claims_of, take_apart
from msidp.db import reading, transaction
from msidp.errors import NotFound, Problem
from msidp.keys.keyring import keyring
from msidp.oidc import service, trials
from msidp.oidc.clients import Client, clients
from msidp.oidc.grants import Refused
from msidp.oidc.tokens import half_hash
from msidp.oidc.trials import Outcome, Trial

CALLBACK = f"{HOME}/try-login"


@bp.post("/applications/<application_id>/try-login")
def begin_try_login(application_id: str) -> Response:
    """Send this browser on its way as the application would."""
    client, scope = _client(application_id), " ".join(request.form.get("scope", "").split())
    try:
        path = trials.begin(client, operator().session_id, _redirect_uri(), scope)
    except Problem as problem:
        return application_page(application_id, problem=problem, trial_scope=scope)
    return redirect(path, 303)


@bp.get("/try-login")
@needs("admin")
def end_try_login() -> Response:
    """Where the answer comes. It is looked at once, in the browser of the operator who began it."""
    trial = trials.take(operator().session_id, request.args.get("state", ""))
    if trial is None:
        return page("try_login", 400, client=None, application_path=PATH)
    client = _client(trial.application_id)
    if "code" not in request.args:
        return _failed(client, request.args.get("error", ""), request.args.get("error_description", ""))
    try:
        outcome = trials.run(client, trial, request.args["code"])
    except Refused as error:
        return _failed(client, "invalid_grant", str(error))
    with transaction() as session:
        details = {"memberId": outcome.member_id}
        audit.record(session, actor(), "application.login_tried", client.application_id, details)
    return _shown(client, trial, outcome)


def _shown(client: Client, trial: Trial, outcome: Outcome) -> Response:
    jwks, issuer, answer = keyring().jwks(), keyring().issuer, outcome.answer
    id_token = take_apart(
        answer["id_token"],
        jwks,
        {
            "iss": ("Made by this issuer", issuer),
            "aud": ("Made for this application", client.client_id),
            "nonce": ("Carries the request's nonce", trial.nonce),
            "at_hash": (
                "Belongs to the access token",
                half_hash(answer["access_token"], client.id_token_alg),
            ),
            "sub": ("Names the same member as userinfo", outcome.userinfo["sub"]),
        },
    )
    access_token = take_apart(
        answer["access_token"],
        jwks,
        {
            "iss": ("Made by this issuer", issuer),
            "client_id": ("Made for this application", client.client_id),
        },
    )
    tokens: dict[str, Shown] = {"ID token": id_token, "Access token": access_token}
    return page(
        "try_login",
        client=client,
        application_path=f"{PATH}/{client.application_id}",
        error=None,
        answer={name: value for name, value in answer.items() if not name.endswith("_token")},
        has_refresh_token="refresh_token" in answer,
        tokens=tokens,
        userinfo=claims_of(outcome.userinfo),
        member_id=outcome.member_id,
    )


def _failed(client: Client, error: str, description: str) -> Response:
    return page(
        "try_login",
        client=client,
        application_path=f"{PATH}/{client.application_id}",
        error=error[:100],
        description=description[:300],
    )


def _client(application_id: str) -> Client:
    """Raises NotFound, also for an application that logs nobody in."""
    with reading() as session:
        found = service.get(session, operator().community_id, application_id)
    client = clients().find(found.client_id)
    if client is None or not client.check_grant_type("authorization_code"):
        raise NotFound("application-not-found", "This application logs nobody in.")
    return client


def _redirect_uri() -> str:
    base_url: str = current_app.extensions["msidp_settings"].base_url
    return f"{base_url}{CALLBACK}"
