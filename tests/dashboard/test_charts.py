"""The charts of the dashboard: what is counted, when, and how it is drawn."""

import re
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select
from tests.dashboard.conftest import submit
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver
from tests.support.threads import at_once
from tests.webhooks.support import add_endpoint, happen

from msidp import clock, db
from msidp.communities.roles import Role
from msidp.dashboard.charts import RANGES, Chart, Series
from msidp.errors import Conflict
from msidp.figures import service as figures
from msidp.members import service as members
from msidp.webhooks import hours
from msidp.webhooks.models import Attempt, Delivery, EndpointHour

counts = st.binary(min_size=len(hours.SPANS), max_size=len(hours.SPANS))


def present(community_id: str) -> tuple[int, ...]:
    """Joined, departed, logged in, refused; over all hours."""
    with db.reading() as session:
        found = figures.hours(session, community_id, 0)
    return tuple(sum(column) for column in zip(*(each[1:] for each in found), strict=True)) or (0, 0, 0, 0)


def test_members_and_log_ins_are_counted_with_what_happens(
    app: Flask, client: FlaskClient, admin: FlaskClient, community_id: str
) -> None:
    form = {"email": "ann@example.com", "password": "correct horse battery"}
    assert admin.post("/members", json=form).status_code == 200
    assert admin.post("/members", json=form).status_code == 409  # and nothing is counted
    for password, status in (("wrong", 401), (form["password"], 303)):
        assert submit(client, "/login", "/login", **{**form, "password": password}).status_code == status
    bob = admin.post("/members", json={"email": "bob@example.com"}).json["data"]["id"]
    admin.delete(f"/members/{bob}")
    assert present(community_id) == (2, 1, 1, 1)
    with db.reading() as session:
        assert figures.members(session, community_id) == 1
    with pytest.raises(RuntimeError), db.transaction() as session:
        members.create_member(session, community_id, email="cleo@example.com")
        raise RuntimeError
    with pytest.raises(Conflict), db.transaction() as session:
        members.create_member(session, community_id, email="ann@example.com")
    assert present(community_id) == (2, 1, 1, 1)


def test_nothing_is_lost_when_many_count_at_once(app: Flask, community_id: str) -> None:
    def join(number: int) -> None:
        with app.app_context():
            for each in range(5):
                with db.transaction() as session:
                    members.create_member(session, community_id, email=f"m{number}-{each}@example.com")

    at_once(4, join)
    assert present(community_id)[0] == 20


def test_attempts_are_counted_as_they_ended(
    admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    endpoint_id = add_endpoint(community_id, receiver.url())
    receiver.script("/hook", Answer(200), Answer(500), Answer(410))
    for _ in range(3):
        happen(community_id)
        drain()
    with db.reading() as session:
        [row] = session.scalars(select(EndpointHour)).all()
        [hour] = hours.read(session, community_id, clock.now() - clock.HOUR, endpoint_id)
    assert (row.succeeded, row.failed, row.exhausted) == (1, 1, 1)
    assert (hour.attempts, sum(hour.spans), hour.success) == (3, 3, pytest.approx(1 / 3))
    with db.transaction() as session:  # the log may go; the figures stay, for as long as they are kept
        session.execute(delete(Attempt))
        session.execute(delete(Delivery))
    with db.transaction() as session:
        assert hours.purge(session, clock.now()) == 0
        assert hours.purge(session, clock.now() + hours.KEPT + clock.HOUR) == 1


@given(counts, counts, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_percentiles_grow_with_their_share_and_add_up(
    one: bytes, other: bytes, share: float, more: float
) -> None:
    both = [a + b for a, b in zip(one, other, strict=True)]
    low, high = sorted((share, more))
    if not sum(both):
        assert hours.percentile(both, low) is None
        return
    assert hours.percentile(both, low) <= hours.percentile(both, high) <= 2 * hours.BOUNDS[-1]
    parts = [found for each in (one, other) if (found := hours.percentile(each, share)) is not None]
    # The straight lines within a span are rounded to whole milliseconds.
    assert min(parts) - 1 <= hours.percentile(both, share) <= max(parts) + 1


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=90), st.booleans())
def test_no_bar_leaves_the_drawing(values: list[int], stacked: bool) -> None:
    series = [Series("a", "tone-good", values), Series("b", "tone-bad", [*reversed(values)])]
    chart = Chart("c", "C", [str(number) for number in range(len(values))], series, stacked)
    for bar in chart.bars:
        assert 0 <= bar.x < bar.x + bar.width <= chart.width
        assert bar.y >= 0
        assert bar.y + bar.height <= chart.height + len(
            series
        )  # one that would not show is drawn a pixel high
    assert len(chart.rows) == sum(a + b > 0 for a, b in zip(values, reversed(values), strict=True))


def test_steps_are_whole_hours_or_days_and_the_last_is_now() -> None:
    now = clock.parse_iso("2026-03-29T01:30:00Z")
    for range_ in RANGES:
        begins = range_.begins(now)
        assert len(begins) == range_.steps
        assert begins[-1] <= now < begins[-1] + range_.step
        assert {later - earlier for earlier, later in pairwise(begins)} == {range_.step}
    assert RANGES[0].label(now - 30 * clock.MINUTE) == "29 Mar, 01:00 UTC"
    assert RANGES[1].label(begins[-1]) == "Sun, 29 Mar 2026"


@pytest.mark.database("sqlite")
def test_the_pages_show_them_in_words_too(
    sign_in: Callable[[Role], FlaskClient], admin: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    viewer = sign_in("viewer")
    assert "Nothing in this span of time" in viewer.get("/dashboard").text
    endpoint_id = add_endpoint(community_id, receiver.url())
    admin.post("/members", json={"email": "ann@example.com"})
    drain()
    for path, title in (
        ("/dashboard?range=24h", "new-members"),
        (f"/dashboard/webhooks/{endpoint_id}", "outcomes"),
    ):
        text = viewer.get(path).text
        assert "style=" not in text
        drawing = re.search(
            rf'<figure class="chart" id="{title}">.*?(<svg class="plot".*?</svg>)', text, re.DOTALL
        )
        assert drawing, path
        svg = ET.fromstring(drawing.group(1))  # noqa: S314  # our own page
        assert svg.attrib["aria-labelledby"] == f"{title}-title {title}-desc"
        assert svg.find("desc").text.endswith(": 1 new members." if "new" in title else "0 given up.")
        [bar] = svg.findall("rect")
        assert float(bar.attrib["height"]) == 120  # one of one
    assert viewer.get("/dashboard?range=%00x").status_code in (200, 400)
    assert viewer.get("/dashboard?range=1h").status_code == 200
