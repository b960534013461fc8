"""Rate limits: as arithmetic, and across processes."""

import time

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.draining import drain_together
from tests.support.receiver import Receiver
from tests.webhooks.support import add_endpoint, attempts, happen

from msidp import clock, db
from msidp.webhooks import claim
from msidp.webhooks.drain import Engine, drain
from msidp.webhooks.lanes import Lanes
from msidp.webhooks.pace import Pace

NOW = 1_000_000


history = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 300)), max_size=20)


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that does much else
@given(st.integers(1, 10_000), history)
def test_a_limit_holds_over_any_time(rate: int, history: list[tuple[int, int]]) -> None:
    pace, now, begun = Pace(rate), NOW, 0
    for pause, wanted in history:
        now += pause
        count = min(wanted, pace.allowance(now))
        pace = Pace(rate, pace.after(now, count))
        begun += count
        assert begun <= rate + rate * (now - NOW) / 1000 + 1e-3


def test_a_limit_is_made_use_of() -> None:
    pace, begun = Pace(20), 0
    for now in range(NOW, NOW + 10_000, 10):
        count = pace.allowance(now)
        pace = Pace(20, pace.after(now, count))
        begun += count
    assert 215 <= begun <= 220


def test_a_limit_that_was_lowered_counts_at_once() -> None:
    busy = Pace(1000, Pace(1000).after(NOW, 1000))
    assert Pace(1, busy.until).allowance(NOW) == 0
    assert Pace(1, busy.until).allowance(NOW + 1001) == 1


def test_a_clock_that_was_set_back_stops_nobody() -> None:
    used_up = Pace(20, Pace(20).after(NOW + clock.HOUR, 20))
    assert used_up.allowance(NOW) == 20
    assert Pace(20, used_up.after(NOW, 20)).allowance(NOW) == 0


def test_lanes_give_no_more_than_the_limit() -> None:
    lanes = Lanes()
    waiting = claim.Due("a", list(range(100)), rate_limit=1)
    assert len(lanes.choose([waiting], NOW)) == 1
    used_up = waiting._replace(paced_until=NOW + 1000.0)
    assert lanes.choose([used_up], NOW) == []


def test_what_is_taken_is_within_the_limit_and_counted(app: Flask, community_id: str) -> None:
    """Two that looked at the same moment both want five."""
    endpoint_id = add_endpoint(community_id, "https://example.com/", rate_limit=8)
    free = add_endpoint(community_id, "https://example.com/")
    happen(community_id, 12)
    now = clock.now()
    with db.reading() as session:
        waiting = {due.endpoint_id: due for due in claim.peek(session, now, (), 10)}
    assert (waiting[endpoint_id].rate_limit, waiting[endpoint_id].paced_until) == (8, None)

    def take(first: int) -> list[claim.Claimed]:
        chosen = [claim.Candidate(seq, endpoint_id, paced=True) for seq in waiting[endpoint_id].seqs]
        chosen += [claim.Candidate(seq, free) for seq in waiting[free].seqs]
        with db.transaction() as session:
            return claim.take(session, chosen[first : first + 5] + chosen[-1:], now, 30_000)

    taken = [take(0), take(5)]
    assert [len([one for one in each if one.endpoint_id == endpoint_id]) for each in taken] == [5, 3]
    assert [len([one for one in each if one.endpoint_id == free]) for each in taken] == [1, 0]


def test_a_limit_spreads_deliveries(app: Flask, community_id: str, receiver: Receiver) -> None:
    add_endpoint(community_id, receiver.url(), rate_limit=10)
    happen(community_id, 15)
    drain()
    assert len(receiver.requests) == 15
    moments = [one.at for one in attempts()]
    assert max(moments) - min(moments) >= 400


@pytest.mark.parametrize("workers", [3])
def test_a_limit_is_that_of_all_workers_together(
    app: Flask, community_id: str, receiver: Receiver, workers: int
) -> None:
    add_endpoint(community_id, receiver.url(), rate_limit=10)
    happen(community_id, 20)
    begun = clock.now()  # an attempt begins after it was taken, on a busy machine long after
    drain_together([Engine(app) for _ in range(workers)])
    moments = sorted(one.at for one in attempts())
    assert len(moments) == len(receiver.requests) == 20
    for first in moments:
        within = [at for at in moments if first <= at < first + 1000]
        assert len(within) <= 20  # a second's worth at once, and what accrues meanwhile
    assert moments[-1] - begun >= 900
    assert time.time() * 1000 > moments[-1]
