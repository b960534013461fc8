"""The first page: how things stand, and what to do next."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp.communities.models import ApiKey
from msidp.dashboard.frame import bp, operator, page
from msidp.dashboard.listing import COUNTED
from msidp.db import reading
from msidp.members.models import Member
from msidp.oidc.models import Application
from msidp.webhooks import service as webhooks
from msidp.webhooks.models import Delivery, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the checklist."""

    done: bool
    text: str
    path: str


@bp.get("")
def overview() -> Response:
    """Figures and the checklist."""
    community_id = operator().community_id
    with reading() as session:
        return page(
            "overview",
            members=count_up_to(session, Member, community_id),
            newest=list(
                session.scalars(
                    select(Member)
                    .where(Member.community_id == community_id)
                    .order_by(Member.seq.desc())
                    .limit(5)
                )
            ),
            steps=_steps(session, community_id),
        )


def count_up_to(session: Session, model: type, community_id: str, limit: int = COUNTED) -> str:
    """How many rows the community has; beyond the limit only that there are more."""
    some = select(model.seq).where(model.community_id == community_id).limit(limit + 1).subquery()  # type: ignore[attr-defined]  # a Listed model
    found = session.scalar(select(func.count()).select_from(some)) or 0
    return f"{limit:,}+" if found > limit else f"{found:,}"


def _steps(session: Session, community_id: str) -> list[Step]:
    def any_of(model: type, *conditions: object) -> bool:
        mine = select(model.seq).where(model.community_id == community_id, *conditions).limit(1)  # type: ignore[attr-defined, arg-type]  # a Listed model
        return session.scalar(mine) is not None

    return [
        Step(
            any_of(ApiKey, ApiKey.revoked_at.is_(None)),
            "Make an API key for your backend",
            "/dashboard/api-keys",
        ),
        Step(any_of(Application), "Register an application for single sign-on", "/dashboard/applications"),
        Step(any_of(Member, Member.last_login_at.is_not(None)), "Log a member in", "/dashboard/applications"),
        Step(
            any_of(WebhookEndpoint, *webhooks.shown()),
            "Create a webhook",
            "/dashboard/webhooks",
        ),
        Step(
            any_of(Delivery, Delivery.status == "succeeded"),
            "See an event delivered",
            "/dashboard/deliveries",
        ),
    ]
