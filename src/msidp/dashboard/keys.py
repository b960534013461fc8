"""Signing keys: what each does, rotation."""

from flask import request
from werkzeug.wrappers import Response

from msidp import clock
from msidp.dashboard.frame import HOME, actor, bp, done, operator, page
from msidp.db import reading
from msidp.errors import Invalid
from msidp.keys import rotation, service
from msidp.keys.pairs import ALGORITHMS
from msidp.keys.service import Rotation
from msidp.keys.views import keys_json


@bp.get("/keys")
def signing_keys() -> Response:
    """The keys in order of their turn."""
    with reading() as session:
        keys = keys_json(service.known(session, operator().community_id), clock.now())
    return page("keys", keys=keys, algorithms=ALGORITHMS)


@bp.post("/keys/rotate")
def rotate_signing_key() -> Response:
    """Let a new key follow, published a day before it signs."""
    algorithm = request.form.get("algorithm", "")
    if algorithm not in ALGORITHMS:
        raise Invalid("invalid", "Choose an algorithm.")
    rotation.rotate([algorithm], Rotation.OVERLAPPING, actor())
    return done(f"A new {algorithm} key is published; it signs in a day.", f"{HOME}/keys")
