"""Applications that register themselves: the tokens with which they may, each shown once, with its limits."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from msidp import clock
from msidp.dashboard.frame import HOME, actor, bp, done, needs, operator, page
from msidp.dashboard.input import checked, lines_of, numbers_of
from msidp.dashboard.listing import listing
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.oidc.kinds import DEVICE_CODE
from msidp.oidc.models import InitialAccessToken
from msidp.oidc.registration import access
from msidp.oidc.registration.limits import Limits
from msidp.oidc.registration.schemas import NewInitialAccessToken

PATH = f"{HOME}/applications/initial-access-tokens"
LIFETIMES = (
    ("3600", "An hour"),
    ("86400", "A day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    ("31536000", "A year"),
    ("", "No end"),
)
GRANTS = {
    "authorization_code": "Log members in",
    "refresh_token": "Stay connected by refresh tokens",
    DEVICE_CODE: "Log members in on devices without a keyboard",
    "client_credentials": "Act for itself, as a machine",
}
_BY_DEFAULT = {"max_uses": "1", "expires_in": "604800"}


@bp.get("/applications/initial-access-tokens")
@needs("admin")
def initial_access_tokens() -> Response:
    """The tokens that were not revoked, and the form for a new one."""
    return _page()


@bp.post("/applications/initial-access-tokens")
def create_initial_access_token() -> Response:
    """Make a token; the page shows it this once."""
    try:
        body = checked(NewInitialAccessToken, _sent())
        with transaction() as session:
            made = access.create(
                session,
                actor(),
                body.name,
                lifetime=None if body.expires_in is None else body.expires_in * clock.SECOND,
                max_uses=body.max_uses,
                limits=Limits(body.grant_types, body.scopes, body.redirect_hosts),
            )
    except Problem as problem:
        chosen = request.form.getlist("grant_types")
        return _page(problem=problem, values=request.form, chosen=chosen)
    hosts = body.redirect_hosts or ["forum.example"]
    return _page(made=made, host=hosts[0])


@bp.post("/applications/initial-access-tokens/<token_id>/revoke")
def revoke_initial_access_token(token_id: str) -> Response:
    """End a token, at once."""
    with transaction() as session:
        access.revoke(session, actor(), token_id)
    return done("The token is revoked. What was registered with it stays.", PATH)


def _sent() -> dict[str, Any]:
    """The form in the words of the Admin API: what is left empty is not limited."""
    form = request.form
    return {
        "name": form.get("name", "").strip(),
        **numbers_of(form, ("expires_in", "max_uses")),
        "grantTypes": form.getlist("grant_types") or None,
        "scopes": lines_of(form, "scopes") or None,
        "redirectHosts": lines_of(form, "redirect_hosts") or None,
    }


def _page(**context: Any) -> Response:
    with reading() as session:
        found = listing(session, InitialAccessToken, access.kept(operator().community_id))
    frame: dict[str, Any] = {
        "found": [(row, Limits.of(row.limits), access.state(row)) for row in found.rows],
        "pages": found,
        "made": None,
        "values": _BY_DEFAULT,
        "chosen": (),
        "grants": GRANTS,
        "lifetimes": LIFETIMES,
        "endpoint": f"{current_app.extensions['msidp_settings'].base_url}/register",
    }
    return page("initial_access_tokens", **frame | context)
