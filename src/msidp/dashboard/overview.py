"""The first page: how things stand, and what to do next."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp import clock
from msidp.communities.models import ApiKey
from msidp.dashboard import trends
from msidp.dashboard.charts import RANGES, chosen_range
from msidp.dashboard.frame import bp, operator, page
from msidp.db import reading
from msidp.members.models import Member
from msidp.oidc.models import Application
from msidp.ops import diagnosis
from msidp.webhooks import log
from msidp.webhooks import service as webhooks
from msidp.webhooks.models import EndpointHour, WebhookEndpoint

NEWEST = 5


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the checklist."""

    done: bool
    text: str
    path: str


@bp.get("")
def overview() -> Response:
    """Figures with their charts, and the checklist."""
    community_id, range_, now = operator().community_id, chosen_range(), clock.now()
    with reading() as session:
        newest = select(Member).where(Member.community_id == community_id).order_by(Member.seq.desc())
        frame: dict[str, Any] = {
            "people": trends.people(session, community_id, range_, now),
            "traffic": trends.traffic(session, community_id, range_, now),
            "lag": log.lag(session, now) / clock.SECOND,
            "newest": list(session.scalars(newest.limit(NEWEST))),
            "steps": _steps(session, community_id),
        }
    workers = diagnosis.workers_at_work()
    return page("overview", range=range_, ranges=RANGES, workers=workers, **frame)


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
            _anything_delivered(session, community_id),
            "See an event delivered",
            "/dashboard/deliveries",
        ),
    ]


def _anything_delivered(session: Session, community_id: str) -> bool:
    """Looked up in the figures by the hour, for the log may be long and hold no success."""
    mine = select(WebhookEndpoint.id).where(WebhookEndpoint.community_id == community_id)
    some = select(EndpointHour.hour).where(EndpointHour.endpoint_id.in_(mine), EndpointHour.succeeded > 0)
    return session.scalar(some.limit(1)) is not None
