"""How long the webhooks' log is kept, over the Admin API."""

from typing import Annotated, Any

from pydantic import Field

from msidp.api import Answer, Data, Schema, answers, api, given, left_out
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.webhooks import keeping

bp = AdminBlueprint("webhook_settings", __name__, url_prefix="/webhook-settings")
TAGS = ["webhooks"]
Days = Annotated[
    Annotated[int, Field(ge=0, le=36_500)] | None,
    Field(description="0: for ever; null: what the environment says."),
]


class WebhookSettings(Schema):
    """For how many days things are kept. An event stays as long as a delivery of it does."""

    event_retention_days: Days = left_out()
    delivery_retention_days: Days = left_out()
    attempt_retention_days: Days = left_out()


class WebhookSettingsAnswer(Answer):
    """What is in force."""

    event_retention_days: int
    delivery_retention_days: int
    attempt_retention_days: int


@bp.get("")
@api.validate(resp=answers(Data[WebhookSettingsAnswer]), tags=TAGS)
def show() -> dict[str, Any]:
    """Retrieve for how long events, deliveries and attempts are kept."""
    return _answer()


@bp.patch("")
@api.validate(resp=answers(Data[WebhookSettingsAnswer]), tags=TAGS)
def change(json: WebhookSettings) -> dict[str, Any]:
    """Keep them for longer or shorter. What is older goes within the hour, for good."""
    changes = given(json)
    with transaction() as session:
        keeping.change(session, caller().community_id, changes)
        details = {"fields": sorted(changes)}
        audit.record(session, key_holder(), "community.updated", caller().community_id, details)
    return _answer()


def _answer() -> dict[str, Any]:
    with reading() as session:
        found = keeping.read(session, caller().community_id)
    return {"data": WebhookSettingsAnswer.model_validate(found).model_dump(by_alias=True)}
