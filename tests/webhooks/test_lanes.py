"""Isolation, as arithmetic: who may have how much."""

from hypothesis import given
from hypothesis import strategies as st

from msidp.webhooks.claim import Candidate
from msidp.webhooks.lanes import SLOTS, START, UNPROVEN_SLOTS, WIDEST, Lanes


def due(endpoint: str, count: int) -> list[Candidate]:
    return [Candidate(number, endpoint, 0) for number in range(count)]


def choose(lanes: Lanes, candidates: list[Candidate], now: float = 0) -> list[Candidate]:
    return lanes.choose(candidates, now)


def start(lanes: Lanes, candidates: list[Candidate]) -> None:
    for candidate in candidates:
        lanes.started(candidate.endpoint_id)


def prove(lanes: Lanes, endpoint: str, times: int = 1) -> None:
    for _ in range(times):
        lanes.started(endpoint)
        lanes.ended(endpoint, succeeded=True)


def test_a_new_endpoint_starts_narrow_and_doubles_with_success() -> None:
    lanes = Lanes()
    assert len(choose(lanes, due("a", 100))) == START
    prove(lanes, "a")
    assert len(choose(lanes, due("a", 100))) == START * 2
    prove(lanes, "a", 10)
    assert len(choose(lanes, due("a", 100))) == WIDEST == lanes.depth


def test_a_failing_endpoint_gets_one_at_a_time() -> None:
    lanes = Lanes()
    prove(lanes, "a", 10)
    lanes.started("a")
    lanes.ended("a", succeeded=False)
    chosen = choose(lanes, due("a", 100))
    assert len(chosen) == 1
    start(lanes, chosen)
    assert lanes.full() == ["a"]
    assert choose(lanes, due("a", 100)) == []


def test_what_is_in_flight_counts() -> None:
    lanes = Lanes()
    prove(lanes, "a", 10)
    start(lanes, due("a", WIDEST - 3))
    assert len(choose(lanes, due("a", 100))) == 3


def test_endpoints_take_turns() -> None:
    lanes = Lanes()
    prove(lanes, "a", 2)
    prove(lanes, "b", 2)
    assert [one.endpoint_id for one in choose(lanes, due("a", 2) + due("b", 2))] == ["a", "b", "a", "b"]


def test_any_number_of_hanging_endpoints_leaves_half_to_the_proven() -> None:
    lanes = Lanes()
    healthy = [f"healthy-{number}" for number in range(20)]
    for name in healthy:
        prove(lanes, name, 10)
    hanging = [one for number in range(1000) for one in due(f"hanging-{number}", 10)]
    start(lanes, choose(lanes, hanging))
    assert SLOTS - lanes.room == UNPROVEN_SLOTS
    assert choose(lanes, hanging) == []
    assert len(choose(lanes, [one for name in healthy for one in due(name, 32)])) == SLOTS - UNPROVEN_SLOTS


def test_the_proven_come_first() -> None:
    lanes = Lanes()
    prove(lanes, "b", 10)
    start(lanes, [candidate for number in range(8) for candidate in due(f"x{number}", 30)])
    assert lanes.room == 16
    chosen = choose(lanes, due("new", 2) + due("b", 32))
    assert {one.endpoint_id for one in chosen} == {"b"}


names = st.sampled_from(["a", "b", "c", "d"])


@given(
    st.lists(st.tuples(names, st.sampled_from(["claim", "succeed", "fail"]), st.integers(0, 40)), max_size=60)
)
def test_no_history_breaks_the_limits(history: list[tuple[str, str, int]]) -> None:
    lanes = Lanes()
    flying = dict.fromkeys("abcd", 0)
    for endpoint, act, count in history:
        if act == "claim":
            chosen = choose(lanes, due(endpoint, count))
            assert len(chosen) <= min(count, WIDEST)
            start(lanes, chosen)
            flying[endpoint] += len(chosen)
        elif flying[endpoint]:
            lanes.ended(endpoint, succeeded=act == "succeed")
            flying[endpoint] -= 1
        assert lanes.room == SLOTS - sum(flying.values())
        assert all(number <= WIDEST for number in flying.values())


def test_with_many_contenders_a_shorter_look_at_each_is_enough() -> None:
    lanes = Lanes()
    prove(lanes, "a", 10)
    assert lanes.depth == WIDEST
    choose(lanes, [Candidate(number, f"endpoint-{number}", 0) for number in range(100)])
    assert lanes.depth == 5
    choose(lanes, [Candidate(number, f"endpoint-{number}", 0) for number in range(1000)])
    assert lanes.depth == START


@given(st.integers(1, 100), st.lists(st.floats(0.001, 3), max_size=40))
def test_a_rate_limit_holds_over_any_time(rate: int, pauses: list[float]) -> None:
    lanes = Lanes()
    now = 1000.0
    begun = 0
    for pause in pauses:
        now += pause
        chosen = choose(lanes, [Candidate(number, "a", 0, rate) for number in range(200)], now)
        for one in chosen:
            lanes.started(one.endpoint_id)
            lanes.ended(one.endpoint_id, succeeded=True)
        begun += len(chosen)
        assert begun <= rate + rate * (now - 1000) + 1e-6


def test_a_rate_limit_is_made_use_of() -> None:
    lanes = Lanes()
    begun = 0
    for step in range(1000):  # ten seconds
        for one in choose(lanes, [Candidate(number, "a", 0, 20) for number in range(200)], step / 100):
            lanes.started(one.endpoint_id)
            lanes.ended(one.endpoint_id, succeeded=True)
            begun += 1
    assert 200 <= begun <= 220
