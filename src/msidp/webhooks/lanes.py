"""Isolation: how much of this process each endpoint may have, so that a bad one never slows another.

Every endpoint has a lane. A lane starts narrow, doubles with success, and is one request wide while its
endpoint fails. Endpoints that have not just succeeded, be they new, failing or silent, share half of the
slots, and what they hold beyond that is nobody else's loss. Pure: no clock, no database; moments in
milliseconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from msidp import clock
from msidp.webhooks.claim import Candidate, Due
from msidp.webhooks.pace import Pace

SLOTS = 256  # requests in flight in one process
START = 2
WIDEST = 32
UNPROVEN_SLOTS = SLOTS // 2
MOST = 2 * SLOTS  # in flight, with those that fell silent while they had many slots
SILENCE = 1 * clock.SECOND  # without an answer to any request, after which an endpoint counts as unproven


@dataclass(slots=True)
class Lane:
    """One endpoint's share: `width` requests at once, `in_flight` of them under way."""

    width: int = START
    in_flight: int = 0
    succeeded: bool = False  # whether its latest outcome was a success
    moved_at: int = 0  # when it last had an answer, or began after it had nothing under way
    turn: int = 0  # the last one that it had a part in

    def room(self, now: int) -> int:
        """How many more may start; of one that has fallen silent none."""
        return 0 if self.silent(now) else max(0, self.width - self.in_flight)

    def silent(self, now: int) -> bool:
        """Whether what is under way has had no answer for long."""
        return self.in_flight > 0 and now - self.moved_at > SILENCE

    def proven(self, now: int) -> bool:
        """Whether it may use any slot that is free."""
        return self.succeeded and not self.silent(now)


class Lanes:
    """The lanes of all endpoints."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._busy: dict[str, Lane] = {}
        self._contenders = 0
        self._turn = 0

    def room(self, now: int) -> int:
        """How many slots are free. Unproven endpoints that hold more than their half take nobody else's."""
        in_flight, unproven = self._held(now)
        counted = in_flight - max(0, unproven - UNPROVEN_SLOTS)
        return max(0, min(SLOTS - counted, MOST - in_flight))

    def depth(self, now: int) -> int:
        """How many deliveries of each endpoint are worth a look, going by how many had some last time."""
        fair = 2 * self.room(now) // max(1, self._contenders)
        return min(max(fair, START), WIDEST)

    def full(self, now: int) -> list[str]:
        """The endpoints for which nothing may be claimed now."""
        return [endpoint_id for endpoint_id, lane in self._busy.items() if not lane.room(now)]

    def choose(self, waiting: Iterable[Due], now: int) -> list[Candidate]:
        """What to claim now: one of each endpoint in turn, those that are proven first.

        Where there is not room for all, those begin that have waited longest for their turn.
        """
        proven: list[tuple[int, list[Candidate]]] = []
        others: list[tuple[int, list[Candidate]]] = []
        self._contenders = 0
        for due in waiting:
            self._contenders += 1
            lane = self._lane(due.endpoint_id, failing=due.failing)
            may = lane.room(now)
            if due.rate_limit is not None:
                may = min(may, Pace(due.rate_limit, due.paced_until).allowance(now))
            if may:
                (proven if lane.proven(now) else others).append((lane.turn, list(_candidates(due, may))))
        chosen = _in_turn(proven, self.room(now))
        in_flight, unproven = self._held(now)
        room = min(self.room(now) - len(chosen), UNPROVEN_SLOTS - unproven, MOST - in_flight - len(chosen))
        chosen += _in_turn(others, room)
        self._turn += 1
        for one in chosen:
            self._lanes[one.endpoint_id].turn = self._turn
        return chosen

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
        lane.succeeded = succeeded
        lane.width = min(lane.width * 2, WIDEST) if succeeded else 1
        if not lane.in_flight:
            del self._busy[endpoint_id]

    def _lane(self, endpoint_id: str, *, failing: bool = False) -> Lane:
        """The endpoint's lane. One that the database knows to be failing begins with one request."""
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            lane = self._lanes[endpoint_id] = Lane(width=1 if failing else START)
        return lane

    def _held(self, now: int) -> tuple[int, int]:
        """How many slots are taken, and how many of them by endpoints that are not proven."""
        in_flight = unproven = 0
        for lane in self._busy.values():
            in_flight += lane.in_flight
            if not lane.proven(now):
                unproven += lane.in_flight
        return in_flight, unproven


def _candidates(due: Due, count: int) -> Iterator[Candidate]:
    paced = due.rate_limit is not None
    return (Candidate(seq, due.endpoint_id, paced) for seq in due.seqs[:count])


def _in_turn(queues: list[tuple[int, list[Candidate]]], room: int) -> list[Candidate]:
    """At most `room` of the candidates: the first of each queue, then the second of each, and so on."""
    queues.sort(key=lambda queue: queue[0])
    turns = chain.from_iterable(zip_longest(*(queue for _, queue in queues)))
    return list(islice((candidate for candidate in turns if candidate is not None), max(0, room)))
