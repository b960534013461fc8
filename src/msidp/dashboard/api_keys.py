"""Developer API → API keys."""

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from msidp.communities.roles import KeyRole
from msidp.dashboard.frame import HOME, actor, asks_proof, bp, done, may, operator, page
from msidp.dashboard.input import name_of
from msidp.db import reading, transaction
from msidp.errors import Forbidden, Problem
from msidp.operators import administration


@bp.get("/api-keys")
def api_keys() -> Response:
    """The keys, and the form for a new one."""
    return _page()


@bp.post("/api-keys")
@asks_proof(f"{HOME}/api-keys")
def create_api_key() -> Response:
    """Make a key; the page shows it this once."""
    try:
        name, role = name_of(request.form), _role()
        with transaction() as session:
            made = administration.create_key(session, actor(), name, role)
    except Problem as problem:
        return _page(problem=problem, name=request.form.get("name", ""))
    return _page(made=made)


@bp.post("/api-keys/<key_id>/revoke")
def revoke_api_key(key_id: str) -> Response:
    """Make a key useless, at once. Raises Forbidden for one that may more than they."""
    with transaction() as session:
        revoked = administration.revoke_key(session, actor(), key_id)
        if not may("owner") and revoked.role == "owner":
            raise Forbidden("forbidden", "Only owners revoke keys of owners.")
    return done("The key is revoked. Whoever used it is refused from now on.", f"{HOME}/api-keys")


def _role() -> KeyRole:
    """What the key may do. Nobody makes one that may more than they may. Raises Forbidden."""
    if request.form.get("role") != "owner":
        return "admin"
    if not may("owner"):
        raise Forbidden("forbidden", "Only owners make keys that look after operators and keys.")
    return "owner"


def _page(**context: Any) -> Response:
    with reading() as session:
        keys = administration.view_keys(session, operator().community_id)
    return page("api_keys", **{"keys": keys, "made": None, "name": "", **context})
