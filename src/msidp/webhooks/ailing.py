"""Endpoints that msidp disables by itself: one that answered 410, one that only fails for five days.

The reason stands in the API, an entry in the audit log, and the operators get a mail.
"""

from collections.abc import Callable, Sequence

import structlog
from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import clock, languages
from msidp.audit import service as audit
from msidp.mail import outbox as mail
from msidp.settings import Settings
from msidp.webhooks import disabling
from msidp.webhooks.models import WebhookEndpoint

FAILING_FOR = 5 * clock.DAY
GONE = "It answered 410 Gone."
STUCK = "Every attempt failed for five days."
Addresses = Callable[[Session, str], Sequence[str]]
"""Tells the mail addresses of a community's operators."""

_known: dict[Addresses, None] = {}
log = structlog.get_logger(__name__)


def write_to(addresses: Addresses) -> None:
    """Have a higher feature tell who the operators are."""
    _known[addresses] = None


def is_stuck(failing_since: int | None, now: int) -> bool:
    """Whether an endpoint that fails once more has only failed for long enough."""
    return failing_since is not None and now - failing_since >= FAILING_FOR


def disable(session: Session, endpoint_id: str, reason: str, now: int) -> None:
    """Disable an endpoint for one of the two reasons, if that still holds, and tell."""
    endpoint = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if not endpoint.enabled or (reason == STUCK and not is_stuck(endpoint.failing_since, now)):
        return
    disabling.disable_endpoint(session, endpoint_id, reason)
    system = audit.Actor(endpoint.community_id, "system", None)
    audit.record(session, system, "webhook.disabled", endpoint_id, {"reason": reason})
    log.warning("a webhook was disabled", webhook_id=endpoint_id, reason=reason)
    context = {"name": endpoint.name, "id": endpoint_id, "url": endpoint.url, "reason": reason}
    for address in _addresses(session, endpoint.community_id):
        mail.send(
            session,
            community_id=endpoint.community_id,
            to=address,
            template="webhook_disabled",
            context=context,
            language=languages.SOURCE,  # as the dashboard
        )


def _addresses(session: Session, community_id: str) -> Sequence[str]:
    """Whom to write to: who the setting names, and the operators."""
    settings: Settings = current_app.extensions["msidp_settings"]
    known = [address for addresses in _known for address in addresses(session, community_id)]
    return list(dict.fromkeys([*settings.operator_email, *known]))
