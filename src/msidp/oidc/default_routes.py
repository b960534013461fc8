"""The lifetimes of new applications' tokens over the Admin API."""

from typing import Any

from msidp.api import Data, answers, api, given
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.oidc import defaults
from msidp.oidc.schemas import TokenLifetimes, TokenLifetimesAnswer

bp = AdminBlueprint("token_lifetimes", __name__, url_prefix="/token-lifetimes")
TAGS = ["applications"]


@bp.get("")
@api.validate(resp=answers(Data[TokenLifetimesAnswer]), tags=TAGS)
def show() -> dict[str, Any]:
    """Retrieve how long the tokens of an application work that is made without lifetimes of its own."""
    return _answer()


@bp.patch("")
@api.validate(resp=answers(Data[TokenLifetimesAnswer]), tags=TAGS)
def change(json: TokenLifetimes) -> dict[str, Any]:
    """Change them for applications that are made from now on; those that exist keep what they have."""
    changes = given(json)
    with transaction() as session:
        defaults.change(session, caller().community_id, changes)
        details = {"fields": sorted(changes)}
        audit.record(session, key_holder(), "community.updated", caller().community_id, details)
    return _answer()


def _answer() -> dict[str, Any]:
    with reading() as session:
        found = defaults.read(session, caller().community_id)
    return {"data": TokenLifetimesAnswer.model_validate(found).model_dump(by_alias=True)}
