"""The public keys of `v1a` signatures, and their rotation."""

from typing import Any

from flask import Blueprint, Response, jsonify

from msidp import clock
from msidp.api import Answer, Data, answers, api
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller, default_community_id
from msidp.cross_origin import allow_everybody
from msidp.db import reading, transaction
from msidp.webhooks import asymmetric
from msidp.webhooks.models import WebhookKey

MAX_AGE = 300  # seconds a receiver may keep them; less than the day for which two keys sign

bp = AdminBlueprint("webhook_keys", __name__)
public_bp = Blueprint("public_webhook_keys", __name__)
allow_everybody(public_bp)


class PublicWebhookKey(Answer):
    """An ed25519 key that signs deliveries; with `expiresAt`, for so long beside its successor."""

    id: str
    key: str
    algorithm: str
    created_at: str
    expires_at: str | None


@public_bp.get("/.well-known/webhook-keys")
def webhook_keys() -> Response:
    """The keys that sign at this moment, newest first: `{"keys": [{id, key: "whpk_…", algorithm, …}]}`."""
    with reading() as session:
        keys = asymmetric.published(session, default_community_id())
        response = jsonify({"keys": [_key_json(key) for key in keys]})
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return response


@bp.post("/webhook-keys/rotate")
@api.validate(resp=answers(Data[PublicWebhookKey]), tags=["webhooks"])
def rotate_webhook_key() -> dict[str, Any]:
    """Make a new ed25519 key for `v1a` signatures. The present one signs on beside it for 24 hours."""
    with transaction() as session:
        key = asymmetric.rotate(session, caller().community_id)
        audit.record(session, key_holder(), "webhook_key.rotated", key.id)
        return {"data": _key_json(key)}


def _key_json(key: WebhookKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "key": key.public_key,
        "algorithm": "ed25519",
        "createdAt": clock.iso(key.created_at),
        "expiresAt": clock.iso_or_none(key.expires_at),
    }
