"""Plan connections: a member joins a plan, leaves it, moves on it. Each change records its event.

The functions take a member as `service.lock_member` gives it, so that two requests cannot both decide
on the same state.
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.errors import Conflict, Invalid, NotFound
from msidp.members import events, views
from msidp.members.models import Member, PlanConnection
from msidp.plans import service as plans
from msidp.plans.models import Plan

CANCELED = "CANCELED"


class ConnectionChanges(TypedDict, total=False):
    """What update() takes. What is left out stays as it is."""

    status: str
    plan_id: str
    next_billing_at: int | None


def join(session: Session, member: Member, plan_ids: Sequence[str]) -> list[PlanConnection]:
    """Put a member on these free plans; the events are the caller's.

    Raises NotFound (`plan-not-found`) and Invalid (`plan-not-free`).
    """
    joined = [
        _connect(member, require_free(plan))
        for plan in plans.plans_to_join(session, member.community_id, plan_ids)
    ]
    if joined:
        session.flush()
    return joined


def add(session: Session, member: Member, plan_id: str) -> PlanConnection:
    """Put a member on a free plan. Records member.plan.created.

    Raises NotFound (`plan-not-found`), Invalid (`plan-not-free`) and Conflict (`already-have-plan`).
    """
    if _on_plan(member, plan_id) is not None:
        raise _already_there()
    joined = join(session, member, [plan_id])
    events.record_joined(session, member, joined)
    return joined[0]


def remove(session: Session, member: Member, plan_id: str) -> None:
    """Take a member off a free plan. Records member.plan.canceled.

    Raises NotFound (`plan-not-found`) where the member is not on it, and Invalid (`plan-not-free`).
    """
    connection = _on_plan(member, plan_id)
    if connection is None:
        raise NotFound("plan-not-found", f"The member is not on a plan {plan_id}.")
    if connection.price is not None:
        raise _not_free()
    connection.status = CANCELED
    events.record_plan(session, "member.plan.canceled", member, connection)
    member.plan_connections.remove(connection)


def update(
    session: Session, member: Member, connection_id: str, changes: ConnectionChanges
) -> PlanConnection:
    """Set a connection's status, plan or next billing date.

    Records member.plan.canceled where the status becomes CANCELED, member.plan.updated for any other
    change, and nothing where nothing changes. Raises NotFound (`connection-not-found`,
    `plan-not-found`) and Conflict (`already-have-plan`).
    """
    connection = next((each for each in member.plan_connections if each.id == connection_id), None)
    if connection is None:
        raise NotFound("connection-not-found", f"The member has no plan connection {connection_id}.")
    before = _state(connection)
    previous = views.connection_json(connection)
    _apply(session, member, connection, changes)
    if _state(connection) == before:
        return connection
    if connection.status == CANCELED and before["status"] != CANCELED:
        events.record_plan(session, "member.plan.canceled", member, connection)
    else:
        more = {"prevPlanConnection": previous, "renewed": _is_renewal(before, _state(connection))}
        events.record_plan(session, "member.plan.updated", member, connection, **more)
    return connection


def _connect(member: Member, plan: Plan) -> PlanConnection:
    connection = PlanConnection(
        id=ids.new_id("con"),
        community_id=member.community_id,
        plan_id=plan.id,
        plan=plan,
        price=None,
        status="ACTIVE",
        created_at=clock.now(),
    )
    member.plan_connections.append(connection)
    return connection


def _apply(session: Session, member: Member, connection: PlanConnection, changes: ConnectionChanges) -> None:
    plan_id = changes.get("plan_id", connection.plan_id)
    status = changes.get("status", connection.status)
    if status != CANCELED and _on_plan(member, plan_id) not in (None, connection):
        raise _already_there()
    if plan_id != connection.plan_id:
        plan = plans.plans_to_join(session, member.community_id, [plan_id])[0]
        price = next(iter(plans.active_prices(plan)), None)
        connection.plan_id, connection.plan = plan.id, plan
        connection.price_id, connection.price = price.id if price else None, price
    connection.status = status
    connection.next_billing_at = changes.get("next_billing_at", connection.next_billing_at)


def _state(connection: PlanConnection) -> dict[str, Any]:
    return {
        "plan": connection.plan_id,
        "status": connection.status,
        "next_billing_at": connection.next_billing_at,
    }


def _is_renewal(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the member goes on with the same plan: active again, or billed at a later date."""
    reactivated = after["status"] == "ACTIVE" != before["status"]
    extended = (after["next_billing_at"] or 0) > (before["next_billing_at"] or 0)
    return after["plan"] == before["plan"] and (reactivated or extended)


def _on_plan(member: Member, plan_id: str) -> PlanConnection | None:
    for connection in member.plan_connections:
        if connection.plan_id == plan_id and connection.status != CANCELED:
            return connection
    return None


def require_free(plan: Plan) -> Plan:
    """The plan, where it can be joined and left here. Raises Invalid (`plan-not-free`)."""
    if plans.active_prices(plan):
        raise _not_free()
    return plan


def _not_free() -> Invalid:
    return Invalid("plan-not-free", "This plan has a price; it cannot be joined or left here.")


def _already_there() -> Conflict:
    return Conflict("already-have-plan", "The member is on this plan already.")
