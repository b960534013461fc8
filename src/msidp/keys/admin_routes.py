"""Signing keys over the Admin API."""

from typing import Any

from msidp import clock
from msidp.api import Page, answers, api
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading
from msidp.keys import rotation, schemas, service
from msidp.keys.pairs import ALGORITHMS
from msidp.keys.service import Rotation
from msidp.keys.views import keys_json

bp = AdminBlueprint("signing_keys", __name__, url_prefix="/keys")
TAGS = ["keys"]


@bp.get("")
@api.validate(resp=answers(Page[schemas.SigningKey]), tags=TAGS)
def list_() -> dict[str, Any]:
    """List the signing keys, in order of their turn to sign; all on one page."""
    return _all()


@bp.post("/rotate")
@api.validate(resp=answers(Page[schemas.SigningKey]), tags=TAGS)
def rotate(json: schemas.KeyRotation) -> dict[str, Any]:
    """Let new keys follow the present ones; the answer lists all.

    They are published at once and sign in a day, so that every verifier knows them by then; the present
    ones stay published until the last token they signed has expired. A rotation that is under way already
    is not begun anew.
    """
    algorithms = [json.algorithm] if json.algorithm else ALGORITHMS
    rotation.rotate(algorithms, _manner(json), key_holder())
    return _all()


def _all() -> dict[str, Any]:
    with reading() as session:
        keys = keys_json(service.known(session, caller().community_id), clock.now())
    return {"totalCount": len(keys), "endCursor": len(keys), "hasNextPage": False, "data": keys}


def _manner(asked: schemas.KeyRotation) -> Rotation:
    if asked.revoke:
        return Rotation.REVOKING
    return Rotation.NOW if asked.now else Rotation.OVERLAPPING
