"""Applications (SSO): register, copy what a client needs, change, rotate, delete."""

from collections.abc import Callable
from typing import Any

from flask import current_app, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp import clock
from msidp.audit import service as audit
from msidp.dashboard.frame import HOME, actor, again, bp, done, needs, operator, page
from msidp.dashboard.input import checked, confirmed, lines_of, numbers_of
from msidp.dashboard.snippets import snippets
from msidp.db import reading, transaction
from msidp.errors import Invalid, Problem
from msidp.oidc import service
from msidp.oidc.defaults import OURS
from msidp.oidc.models import Application
from msidp.oidc.schemas import ApplicationChanges, NewApplication
from msidp.oidc.subjects import check_sector_after
from msidp.oidc.views import application_json
from msidp.outbound.urls import OutboundPolicy
from msidp.webhooks.models import Delivery

PATH = f"{HOME}/applications"
RECENT_LOGOUTS = 5
TYPES = {
    "web": "Web: runs on a server, keeps a secret",
    "spa": "Single-page: runs in the browser, has no secret",
    "native": "Native: a phone's or a desktop's, has no secret",
    "machine": "Machine: acts for itself, nobody logs in",
}


@bp.get("/applications")
def applications() -> Response:
    """The applications of the community."""
    mine = select(Application).where(Application.community_id == operator().community_id)
    with reading() as session:
        found = list(session.scalars(mine.order_by(Application.seq)))
    return page("applications", applications=found)


@bp.get("/applications/new")
@needs("admin")
def new_application() -> Response:
    """The form for the type chosen."""
    return _form(_type(request.args))


@bp.post("/applications")
def create_application() -> Response:
    """Register an application; the page shows its secret this once."""
    type_ = _type(request.form)
    try:
        body = checked(NewApplication, {**_sent(type_), "type": type_})
        fields = body.model_dump(exclude_unset=True, exclude={"name", "type"})
        with transaction() as session:
            made, secret = service.create(
                session, operator().community_id, body.name, type_, fields, _policy()
            )
            audit.record(session, actor(), "application.created", made.id)
            application_id = made.id
    except Problem as problem:
        return _form(type_, problem=problem, values=request.form)
    return application_page(application_id, secret=secret, told="The application is registered")


@bp.get("/applications/<application_id>")
def application(application_id: str) -> Response:
    return application_page(application_id)


@bp.post("/applications/<application_id>")
def change_application(application_id: str) -> Response:
    """Change what the form holds; the rest stays."""

    def change(session: Session, found: Application) -> str:
        service.update(session, found, changes, _policy())
        audit.record(session, actor(), "application.updated", found.id, {"fields": sorted(changes)})
        return "Saved."

    community_id = operator().community_id
    with reading() as session:
        type_ = service.get(session, community_id, application_id).type
    try:
        changes = checked(ApplicationChanges, _sent(type_)).model_dump(exclude_unset=True)
        check_sector_after(community_id, application_id, changes, _policy())
    except Invalid as problem:
        return application_page(application_id, problem=problem, values=request.form)
    return _change(application_id, change, f"{PATH}/{application_id}")


@bp.post("/applications/<application_id>/lifetimes")
def change_application_lifetimes(application_id: str) -> Response:
    """Change how long the application's tokens work; one that is left empty stays as it is."""

    def change(session: Session, found: Application) -> str:
        service.update(session, found, changes, _policy())
        audit.record(session, actor(), "application.updated", found.id, {"fields": sorted(changes)})
        return "Saved. Tokens that are issued from now on work as long."

    sent = {name: value for name, value in numbers_of(request.form, OURS).items() if value is not None}
    try:
        changes = checked(ApplicationChanges, sent).model_dump(exclude_unset=True)
    except Invalid as problem:
        return application_page(application_id, problem=problem, lifetimes=request.form)
    return _change(application_id, change, f"{PATH}/{application_id}#lifetimes")


@bp.post("/applications/<application_id>/rotate-secret")
def rotate_application_secret(application_id: str) -> Response:
    """Give the application a new secret; the former one stays good for a day."""
    try:
        with transaction() as session:
            found = service.get(session, operator().community_id, application_id)
            secret = service.rotate_secret(session, found, clock.DAY)
            audit.record(session, actor(), "application.secret_rotated", found.id)
    except Problem as problem:
        return again(problem, application_page, application_id)
    return application_page(application_id, secret=secret, told="The former secret stays good for a day")


@bp.post("/applications/<application_id>/delete")
def delete_application(application_id: str) -> Response:
    """Remove the application, once its name was typed."""

    def change(session: Session, found: Application) -> str:
        confirmed(request.form, found.name)
        service.delete(session, found)
        audit.record(session, actor(), "application.deleted", application_id)
        return "The application is deleted. Its codes and tokens ended with it."

    return _change(application_id, change, PATH)


def _change(application_id: str, change: Callable[[Session, Application], str], path: str) -> Response:
    try:
        with transaction() as session:
            message = change(session, service.get(session, operator().community_id, application_id))
    except Problem as problem:
        return again(problem, application_page, application_id, values=request.form)
    return done(message, path)


def _type(given: Any) -> str:
    type_: str = given.get("type", "web")
    return type_ if type_ in TYPES else "web"


def _sent(type_: str) -> dict[str, Any]:
    form = request.form
    sent: dict[str, Any] = {"name": form.get("name", "").strip()}
    if type_ == "machine":
        return {**sent, "scopes": lines_of(form, "scopes")}
    return {
        **sent,
        "redirectUris": lines_of(form, "redirect_uris"),
        "postLogoutRedirectUris": lines_of(form, "post_logout_redirect_uris"),
        "backchannelLogoutUri": form.get("backchannel_logout_uri", "").strip() or None,
        "skipConsent": form.get("skip_consent") == "1",
    }


def _form(type_: str, **context: Any) -> Response:
    return page("application_new", **{"type": type_, "types": TYPES, "values": {}, **context})


def application_page(application_id: str, **context: Any) -> Response:
    """The page of an application; `context` goes before what the page says by itself."""
    with reading() as session:
        row = service.get(session, operator().community_id, application_id)
        found = application_json(row)
        values = {
            "name": row.name,
            "redirect_uris": "\n".join(row.redirect_uris),
            "post_logout_redirect_uris": "\n".join(row.post_logout_redirect_uris),
            "backchannel_logout_uri": row.backchannel_logout_uri or "",
            "skip_consent": "1" if row.skip_consent else "",
            "scopes": "\n".join(row.scopes),
        }
        lifetimes = {name: getattr(row, name) for name in OURS}
        has_secret = row.secret_hash is not None
        told = select(Delivery).where(Delivery.endpoint_id == row.id).order_by(Delivery.seq.desc())
        logouts = list(session.scalars(told.limit(RECENT_LOGOUTS)))
    secret = context.get("secret")
    issuer: str = current_app.extensions["msidp_settings"].base_url
    frame: dict[str, Any] = {
        "application": found,
        "values": values,
        "lifetimes": lifetimes,
        "secret": None,
        "has_secret": has_secret,
        "logouts": logouts,
        "issuer": issuer,
        "snippets": snippets(issuer, found, secret),
        "types": TYPES,
        "trial_scope": "openid profile email",
        "tries": "authorization_code" in found["grantTypes"],
    }
    return page("application", **frame | context)


def _policy() -> OutboundPolicy:
    return OutboundPolicy.of(current_app.extensions["msidp_settings"])
