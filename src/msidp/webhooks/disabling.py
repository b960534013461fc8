"""The end of an endpoint, for now or for good: from its commit on, nothing is attempted any more."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from msidp import clock
from msidp.webhooks.models import Delivery, WebhookEndpoint


def disable_endpoint(session: Session, endpoint_id: str, reason: str) -> None:
    """Disable an endpoint and cancel whatever of its deliveries is open. Both show the reason.

    An attempt under way at this moment may still arrive; its outcome is not recorded.
    """
    lock_endpoint(session, endpoint_id)
    session.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id)
        .values(enabled=False, disabled_reason=reason, updated_at=clock.now())
    )
    cancel_open(session, endpoint_id, reason)


def lock_endpoint(session: Session, endpoint_id: str) -> None:
    """Hold the row, so that no transaction records a delivery for an endpoint it still believes enabled.

    `outbox.record` holds the endpoints it delivers to; this waits until such a transaction has ended.
    """
    session.execute(select(WebhookEndpoint.seq).where(WebhookEndpoint.id == endpoint_id).with_for_update())


def cancel_open(session: Session, endpoint_id: str, reason: str, *, origin: str | None = None) -> None:
    """Settle every open delivery of an endpoint, or of one `origin`, as canceled. Takes its row to be locked.

    The deliveries are locked in the order of `seq`, as `settle` does it too: nobody waits in a circle.
    """
    is_open = [Delivery.endpoint_id == endpoint_id, Delivery.due_at.is_not(None)]
    if origin is not None:
        is_open.append(Delivery.origin == origin)
    rows = select(Delivery.seq).where(*is_open).order_by(Delivery.seq).with_for_update()
    session.execute(
        update(Delivery)
        .where(Delivery.seq.in_(rows))
        .values(
            status="canceled",
            reason=reason,
            due_at=None,
            resume_at=None,
            manual=False,
            lease_token=None,
            settled_at=clock.now(),
        )
        .execution_options(synchronize_session=False)
    )
