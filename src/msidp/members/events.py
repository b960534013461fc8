"""The events of members: what is recorded about a change, in the transaction of the change."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from msidp.members import views
from msidp.members.models import Member, PlanConnection
from msidp.webhooks import outbox


def record_member(session: Session, type: str, member: Member, **more: Any) -> None:  # noqa: A002  # as in outbox
    """Record `member.created`, `.updated`, `.deleted` or `.role_changed`."""
    on = [connection.plan.name for connection in member.plan_connections if views.is_active(connection)]
    _record(session, type, member, on[0] if on else None, **more)


def record_plan(
    session: Session,
    type: str,  # noqa: A002  # as in outbox
    member: Member,
    connection: PlanConnection,
    **more: Any,
) -> None:
    """Record `member.plan.created`, `.updated` or `.canceled`."""
    view = views.connection_json(connection)
    _record(session, type, member, connection.plan.name, planConnection=view, **more)


def record_joined(session: Session, member: Member, connections: Sequence[PlanConnection]) -> None:
    """Record one `member.plan.created` for each new connection."""
    for connection in connections:
        record_plan(session, "member.plan.created", member, connection)


def _record(session: Session, type: str, member: Member, plan_name: str | None, **more: Any) -> None:  # noqa: A002
    outbox.record(
        session,
        community_id=member.community_id,
        type=type,
        member_id=member.id,
        data={
            "member": views.member_json(member),
            "displayName": views.display_name(member),
            "planName": plan_name,
            **more,
        },
    )
