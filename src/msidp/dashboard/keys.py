"""Signing keys: what each does, rotation."""

from flask import request
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from msidp import clock
from msidp.audit import service as audit
from msidp.dashboard.frame import HOME, actor, bp, done, operator, page
from msidp.db import reading, transaction
from msidp.errors import Invalid
from msidp.keys import rotation, service
from msidp.keys.pairs import ALGORITHMS
from msidp.keys.service import Rotation
from msidp.keys.views import keys_json
from msidp.webhooks import asymmetric
from msidp.webhooks import service as webhooks
from msidp.webhooks.models import WebhookEndpoint


@bp.get("/keys")
def signing_keys() -> Response:
    """The keys in order of their turn."""
    with reading() as session:
        keys = keys_json(service.known(session, operator().community_id), clock.now())
        webhook_keys = asymmetric.published(session, operator().community_id)
        asking = (
            select(func.count())
            .select_from(WebhookEndpoint)
            .where(
                WebhookEndpoint.community_id == operator().community_id,
                WebhookEndpoint.v1a,
                *webhooks.shown(),
            )
        )
        webhooks_asking = session.scalar(asking) or 0
    return page(
        "keys",
        keys=keys,
        algorithms=ALGORITHMS,
        webhook_keys=webhook_keys,
        webhooks_asking=webhooks_asking,
    )


@bp.post("/keys/rotate")
def rotate_signing_key() -> Response:
    """Let a new key follow, published a day before it signs."""
    algorithm = request.form.get("algorithm", "")
    if algorithm not in ALGORITHMS:
        raise Invalid("invalid", "Choose an algorithm.")
    rotation.rotate([algorithm], Rotation.OVERLAPPING, actor())
    return done(f"A new {algorithm} key is published; it signs in a day.", f"{HOME}/keys")


@bp.post("/webhook-keys/rotate")
def rotate_dashboard_webhook_key() -> Response:
    """Make a new key for `v1a` signatures; the present one signs on beside it for a day."""
    with transaction() as session:
        key = asymmetric.rotate(session, operator().community_id)
        audit.record(session, actor(), "webhook_key.rotated", key.id)
    return done(
        "A new webhook key signs from now on; the one before signs beside it for 24 hours.", f"{HOME}/keys"
    )
