"""Isolation, as arithmetic: who may have how much."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from msidp.webhooks.claim import Candidate, Due
from msidp.webhooks.lanes import MOST, SICK_SLOTS, SILENCE, SLOTS, START, WIDEST, Lanes

NOW = 1_000_000


def due(endpoint: str, count: int, **fields) -> Due:
    return Due(endpoint, list(range(count)), **fields)


def choose(lanes: Lanes, *waiting: Due, now: int = NOW) -> list[Candidate]:
    return lanes.choose(waiting, now)


def start(lanes: Lanes, candidates: list[Candidate], now: int = NOW) -> None:
    for candidate in candidates:
        lanes.started(candidate.endpoint_id, now)


def begin(lanes: Lanes, *waiting: Due, now: int = NOW) -> Counter[str]:
    """Choose and start; how many of each endpoint."""
    chosen = choose(lanes, *waiting, now=now)
    start(lanes, chosen, now)
    return Counter(one.endpoint_id for one in chosen)


def prove(lanes: Lanes, endpoint: str, times: int = 1, now: int = NOW) -> None:
    for _ in range(times):
        lanes.started(endpoint, now)
        lanes.ended(endpoint, now, succeeded=True)


def test_a_new_endpoint_starts_narrow_and_doubles_with_success() -> None:
    lanes = Lanes()
    assert len(choose(lanes, due("a", 100))) == START
    prove(lanes, "a")
    assert len(choose(lanes, due("a", 100))) == START * 2
    prove(lanes, "a", 10)
    assert len(choose(lanes, due("a", 100))) == WIDEST == lanes.depth(NOW)


def test_a_failing_endpoint_gets_one_at_a_time() -> None:
    lanes = Lanes()
    prove(lanes, "a", 10)
    lanes.started("a", NOW)
    lanes.ended("a", NOW, succeeded=False)
    assert begin(lanes, due("a", 100)) == {"a": 1}
    assert lanes.full(NOW) == ["a"]
    assert choose(lanes, due("a", 100)) == []


def test_one_that_another_worker_knows_to_fail_begins_with_one() -> None:
    assert len(choose(Lanes(), due("a", 100, failing=True))) == 1


def test_what_is_in_flight_counts() -> None:
    lanes = Lanes()
    prove(lanes, "a", 10)
    for _ in range(WIDEST - 3):
        lanes.started("a", NOW)
    assert len(choose(lanes, due("a", 100))) == 3


def test_endpoints_take_turns() -> None:
    lanes = Lanes()
    prove(lanes, "a", 2)
    prove(lanes, "b", 2)
    assert [one.endpoint_id for one in choose(lanes, due("a", 2), due("b", 2))] == ["a", "b", "a", "b"]


def test_none_of_many_waits_for_ever() -> None:
    """Where there is room for a few only, those that have waited longest are next."""
    lanes = Lanes()
    waiting = [due(f"endpoint-{number}", 10) for number in range(2 * SLOTS)]
    served: Counter[str] = Counter()
    for _ in range(20):
        begun = begin(lanes, *waiting)
        served += begun
        for endpoint, count in begun.items():
            for _ in range(count):
                lanes.ended(endpoint, NOW, succeeded=False)
    assert len(served) == 2 * SLOTS
    assert max(served.values()) - min(served.values()) <= 3


def test_any_number_of_failing_endpoints_leaves_half_to_the_others() -> None:
    lanes = Lanes()
    failing = [due(f"failing-{number}", 10, failing=True) for number in range(MOST)]
    assert begin(lanes, *failing).total() == SICK_SLOTS
    assert choose(lanes, *failing) == []
    healthy = [due(f"healthy-{number}", 32) for number in range(SLOTS)]
    assert begin(lanes, *healthy).total() == SLOTS - SICK_SLOTS


def test_untried_endpoints_that_hang_leave_half_to_the_proven() -> None:
    """They are taken for healthy until they have been silent for a second, and again, up to a limit."""
    lanes = Lanes()
    prove(lanes, "healthy", 10)
    hanging = [due(f"hanging-{number}", 10) for number in range(MOST)]
    begun = 0
    for second in range(10):
        begun += begin(lanes, *hanging, now=NOW + 1001 * second).total()
    assert begun == MOST - SICK_SLOTS
    assert begin(lanes, due("healthy", 32), now=NOW + 10_010) == {"healthy": 32}


def test_half_is_left_even_when_all_that_is_in_flight_falls_silent_at_once() -> None:
    lanes = Lanes()
    sick = [f"sick-{number}" for number in range(SLOTS // WIDEST)]
    for endpoint in (*sick, "healthy"):
        prove(lanes, endpoint, 10)
    assert begin(lanes, *[due(endpoint, 32) for endpoint in sick]).total() == SLOTS
    assert begin(lanes, due("healthy", 32)) == {}
    later = NOW + SILENCE + 1
    assert begin(lanes, *[due(endpoint, 32) for endpoint in sick], now=later) == {}
    assert begin(lanes, due("healthy", 32), now=later) == {"healthy": 32}
    assert lanes.room(later) == SLOTS - SICK_SLOTS - 32


def test_an_answer_ends_the_silence() -> None:
    lanes = Lanes()
    prove(lanes, "a", 2)
    begin(lanes, due("a", 4))
    assert lanes.full(NOW + SILENCE + 1) == ["a"]
    lanes.ended("a", NOW + SILENCE + 2, succeeded=True)
    assert begin(lanes, due("a", 100), now=NOW + SILENCE + 3) == {"a": WIDEST // 2 - 3}


def test_the_proven_come_first() -> None:
    lanes = Lanes()
    prove(lanes, "b", 10)
    for number in range(SLOTS - 16):
        lanes.started(f"x{number}", NOW)
    assert lanes.room(NOW) == 16
    assert {one.endpoint_id for one in choose(lanes, due("new", 2), due("b", 32))} == {"b"}


names = st.sampled_from(["a", "b", "c", "d"])
acts = st.sampled_from(["claim", "succeed", "fail", "wait"])


@given(st.lists(st.tuples(names, acts, st.integers(0, 40)), max_size=60))
def test_no_history_breaks_the_limits(history: list[tuple[str, str, int]]) -> None:
    lanes = Lanes()
    flying = dict.fromkeys("abcd", 0)
    now = NOW
    for endpoint, act, count in history:
        if act == "claim":
            begun = begin(lanes, due(endpoint, count), now=now).total()
            assert begun <= min(count, WIDEST)
            flying[endpoint] += begun
        elif act == "wait":
            now += count * 100
        elif flying[endpoint]:
            lanes.ended(endpoint, now, succeeded=act == "succeed")
            flying[endpoint] -= 1
        assert sum(flying.values()) <= MOST
        assert lanes.room(now) >= SLOTS - sum(flying.values())
        assert all(number <= WIDEST for number in flying.values())


def test_with_many_contenders_a_shorter_look_at_each_is_enough() -> None:
    lanes = Lanes()
    assert lanes.depth(NOW) == WIDEST
    choose(lanes, *[due(f"endpoint-{number}", 1) for number in range(100)])
    assert lanes.depth(NOW) == 2 * SLOTS // 100
    choose(lanes, *[due(f"endpoint-{number}", 1) for number in range(MOST)])
    assert lanes.depth(NOW) == START
