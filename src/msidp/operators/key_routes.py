"""The Admin API's own keys over the Admin API. It takes an owner's key: one that leaks makes no others."""

from typing import Any

from msidp.api import Data, Deleted, Page, answers, api
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.operators import administration, schemas
from msidp.operators.routes import all_of
from msidp.operators.views import key_json

bp = AdminBlueprint("api_keys", __name__, url_prefix="/api-keys", needs="owner")
TAGS = ["keys"]


@bp.get("")
@api.validate(resp=answers(Page[schemas.Key], 403), tags=TAGS)
def list_() -> dict[str, Any]:
    """List the keys that were not revoked, oldest first; all on one page."""
    with reading() as session:
        found = administration.view_keys(session, caller().community_id)
        return all_of([key_json(key, maker_gone=gone) for key, gone in found])


@bp.post("")
@api.validate(resp=answers(Data[schemas.KeyMade], 403), tags=TAGS)
def create(json: schemas.NewKey) -> dict[str, Any]:
    """Make a key. Its secret is shown this once."""
    with transaction() as session:
        made = administration.create_key(session, key_holder(), json.name, json.role)
    return {"data": {"id": made.id, "secretKey": made.secret_key, "role": json.role}}


@bp.delete("/<key_id>")
@api.validate(resp=answers(Data[Deleted], 403, 404), tags=TAGS)
def revoke(key_id: str) -> dict[str, Any]:
    """Make a key useless, at once."""
    with transaction() as session:
        administration.revoke_key(session, key_holder(), key_id)
    return {"data": {"id": key_id}}
