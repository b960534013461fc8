"""What the charts of the dashboard show: members and log-ins, deliveries and how soon they are answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.dashboard.charts import Chart, Range, Series, by_step
from msidp.figures import service as figures
from msidp.members.models import Member
from msidp.webhooks import hours
from msidp.webhooks.hours import Hour

ACTIVE_WITHIN = 30 * clock.DAY
COUNTED = 10_000  # active members; more are not counted one by one


@dataclass(frozen=True, slots=True)
class People:
    """Members and log-ins over a range."""

    total: int
    joined: int
    active: str
    logged_in: int
    success: str
    charts: Sequence[Chart]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Attempts over a range: their success, their latency, and the charts of both."""

    attempts: int
    success: str
    p50: str
    p95: str
    charts: Sequence[Chart]


def people(session: Session, community_id: str, range_: Range, now: int) -> People:
    """Who joined and who logged in."""
    begins = range_.begins(now)
    steps = by_step(range_, begins, figures.hours(session, community_id, begins[0]), lambda hour: hour.at)
    labels = [range_.label(at) for at in begins]
    joined = [sum(hour.joined for hour in step) for step in steps]
    logged_in = [sum(hour.logged_in for hour in step) for step in steps]
    refused = [sum(hour.refused for hour in step) for step in steps]
    return People(
        total=figures.members(session, community_id),
        joined=sum(joined),
        active=_active(session, community_id, now),
        logged_in=sum(logged_in),
        success=_share(sum(logged_in), sum(logged_in) + sum(refused)),
        charts=(
            Chart("new-members", "New members", labels, [Series("new members", "tone-main", joined)]),
            Chart(
                "log-ins",
                "Log-ins",
                labels,
                [
                    Series("log-ins", "tone-good", logged_in),
                    Series("wrong address or password", "tone-bad", refused),
                ],
            ),
        ),
    )


def traffic(
    session: Session, community_id: str, range_: Range, now: int, endpoint_id: str | None = None
) -> Traffic:
    """How the attempts to one endpoint, or to all, went."""
    begins = range_.begins(now)
    found = hours.read(session, community_id, begins[0], endpoint_id)
    parts = by_step(range_, begins, found, lambda hour: hour.at)
    steps = [hours.added_up(part, at) for part, at in zip(parts, begins, strict=True)]
    total = hours.added_up(steps, begins[0])
    labels = [range_.label(at) for at in begins]
    return Traffic(
        attempts=total.attempts,
        success=_share(total.succeeded, total.attempts),
        p50=_milliseconds(total.percentile(0.5)),
        p95=_milliseconds(total.percentile(0.95)),
        charts=(_outcomes(labels, steps), _latency(labels, steps)),
    )


def _outcomes(labels: Sequence[str], steps: Sequence[Hour]) -> Chart:
    series = [
        Series("delivered", "tone-good", [step.succeeded for step in steps]),
        Series("failed, to be retried", "tone-warn", [step.failed for step in steps]),
        Series("given up", "tone-bad", [step.exhausted for step in steps]),
    ]
    return Chart("outcomes", "Webhook attempts", labels, series)


def _latency(labels: Sequence[str], steps: Sequence[Hour]) -> Chart:
    series = [
        Series("95 % answered within", "tone-pale", [step.percentile(0.95) for step in steps]),
        Series("half answered within", "tone-main", [step.percentile(0.5) for step in steps]),
    ]
    return Chart("latency", "Latency of webhooks", labels, series, stacked=False, unit=" ms")


def _active(session: Session, community_id: str, now: int) -> str:
    """How many members logged in within 30 days; beyond 10,000 only that there are more."""
    recent = select(Member.seq).where(
        Member.community_id == community_id, Member.last_login_at > now - ACTIVE_WITHIN
    )
    found = session.scalar(select(func.count()).select_from(recent.limit(COUNTED + 1).subquery())) or 0
    return f"{COUNTED:,}+" if found > COUNTED else f"{found:,}"


def _share(part: int, whole: int) -> str:
    """In percent, never rounded up to a hundred."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    return "100 %" if part == whole else f"{min(percent, 99.9):.1f} %"


def _milliseconds(value: int | None) -> str:
    return "–" if value is None else f"{value:,} ms"
