"""Isolation: how much of this process each endpoint may have, so that a bad one never slows another.

Every endpoint has a lane. A lane starts narrow, doubles with success, and is one request wide while its
endpoint fails. Endpoints that fail or have fallen silent are sick: they share half of the slots, and what
they hold beyond that, because they fell silent with many requests under way, is nobody else's loss. Pure:
no clock, no database; moments in milliseconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from msidp import clock
from msidp.webhooks.claim import Candidate, Due
from msidp.webhooks.pace import Pace

SLOTS = 1024  # requests in flight in one process
START = 2
WIDEST = 32
SICK_SLOTS = SLOTS // 2
MOST = 2 * SLOTS  # in flight, with those that fell silent while they had many slots
SILENCE = 1 * clock.SECOND  # without an answer to any request, after which an endpoint counts as sick


@dataclass(slots=True)
class Lane:
    """One endpoint's share: `width` requests at once, `in_flight` of them under way."""

    width: int = START
    in_flight: int = 0
    proven: bool = False  # whether its latest outcome was a success
    failed: bool = False  # whether it was a failure
    moved_at: int = 0  # when it last had an answer, or began after it had nothing under way
    turn: int = 0  # the last one that it had a part in

    def room(self, now: int) -> int:
        """How many more may start; of one that has fallen silent none."""
        return 0 if self.silent(now) else max(0, self.width - self.in_flight)

    def silent(self, now: int) -> bool:
        """Whether what is under way has had no answer for long."""
        return self.in_flight > 0 and now - self.moved_at > SILENCE

    def sick(self, now: int) -> bool:
        """Whether it has to share half of the slots with its like."""
        return self.failed or self.silent(now)


_Queue = tuple[int, list[Candidate]]
"""What one endpoint may begin now, and the turn in which it last began something."""


class Lanes:
    """The lanes of all endpoints."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._busy: dict[str, Lane] = {}
        self._contenders = 0
        self._turn = 0

    def room(self, now: int) -> int:
        """How many slots are free. What the sick hold beyond their half is not counted."""
        in_flight, sick = self._held(now)
        return max(0, min(SLOTS - in_flight + max(0, sick - SICK_SLOTS), MOST - in_flight))

    def depth(self, now: int) -> int:
        """How many deliveries of each endpoint are worth a look, going by how many had some last time."""
        fair = 2 * self.room(now) // max(1, self._contenders)
        return min(max(fair, START), WIDEST)

    def full(self, now: int) -> list[str]:
        """The endpoints for which nothing may be claimed now."""
        return [endpoint_id for endpoint_id, lane in self._busy.items() if not lane.room(now)]

    def choose(self, waiting: Iterable[Due], now: int) -> list[Candidate]:
        """What to claim now: one of each endpoint in turn; the proven first, then the untried, then the sick.

        Where there is not room for all, those begin that have waited longest for their turn.
        """
        proven: list[_Queue] = []
        untried: list[_Queue] = []
        sick: list[_Queue] = []
        self._contenders = 0
        for due in waiting:
            self._contenders += 1
            lane = self._lane(due.endpoint_id, failing=due.failing)
            may = lane.room(now)
            if due.rate_limit is not None:
                may = min(may, Pace(due.rate_limit, due.paced_until).allowance(now))
            if may:
                kind = sick if lane.sick(now) else proven if lane.proven else untried
                kind.append((lane.turn, list(_candidates(due, may))))
        chosen = self._share(proven, untried, sick, now)
        self._turn += 1
        for one in chosen:
            self._lanes[one.endpoint_id].turn = self._turn
        return chosen

    def _share(
        self, proven: list[_Queue], untried: list[_Queue], sick: list[_Queue], now: int
    ) -> list[Candidate]:
        """The free slots, shared out; the last ones of all are for the proven alone."""
        in_flight, held_by_sick = self._held(now)
        room = self.room(now)
        chosen = _in_turn(proven, room)
        room = min(room, MOST - SICK_SLOTS - in_flight) - len(chosen)
        others = _in_turn(untried, room)
        return chosen + others + _in_turn(sick, min(room - len(others), SICK_SLOTS - held_by_sick))

    def started(self, endpoint_id: str, now: int) -> None:
        """A request to this endpoint is under way."""
        lane = self._lane(endpoint_id)
        if not lane.in_flight:
            lane.moved_at = now
            self._busy[endpoint_id] = lane
        lane.in_flight += 1

    def ended(self, endpoint_id: str, now: int, *, succeeded: bool) -> None:
        """A request to this endpoint ended."""
        lane = self._busy[endpoint_id]
        lane.in_flight -= 1
        lane.moved_at = now
        lane.proven, lane.failed = succeeded, not succeeded
        lane.width = min(lane.width * 2, WIDEST) if succeeded else 1
        if not lane.in_flight:
            del self._busy[endpoint_id]

    def _lane(self, endpoint_id: str, *, failing: bool = False) -> Lane:
        """The endpoint's lane. One that the database knows to be failing begins with one request."""
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            lane = self._lanes[endpoint_id] = Lane(width=1 if failing else START, failed=failing)
        return lane

    def _held(self, now: int) -> tuple[int, int]:
        """How many slots are taken, and how many of them by sick endpoints."""
        in_flight = sick = 0
        for lane in self._busy.values():
            in_flight += lane.in_flight
            if lane.sick(now):
                sick += lane.in_flight
        return in_flight, sick


def _candidates(due: Due, count: int) -> Iterator[Candidate]:
    paced = due.rate_limit is not None
    return (Candidate(seq, due.endpoint_id, paced) for seq in due.seqs[:count])


def _in_turn(queues: list[_Queue], room: int) -> list[Candidate]:
    """At most `room` of the candidates: the first of each queue, then the second of each, and so on."""
    queues.sort(key=lambda queue: queue[0])
    turns = chain.from_iterable(zip_longest(*(queue for _, queue in queues)))
    return list(islice((candidate for candidate in turns if candidate is not None), max(0, room)))
