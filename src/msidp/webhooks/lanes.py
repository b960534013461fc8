"""Isolation: how much of this process each endpoint may have, so that a bad one never slows another.

Every endpoint has a lane. A lane starts narrow, doubles with success, and is one request wide while its
endpoint fails. Endpoints that have not just succeeded, be they new or failing, share at most half of the
slots. An endpoint's rate limit holds for each process that delivers. Pure: no clock, no database.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from msidp.webhooks.claim import Candidate

SLOTS = 256  # requests in flight in one process
START = 2
WIDEST = 32
UNPROVEN_SLOTS = SLOTS // 2


@dataclass(slots=True)
class Lane:
    """One endpoint's share: `width` requests at once, `in_flight` of them under way."""

    width: int = START
    in_flight: int = 0
    proven: bool = False  # whether its latest outcome was a success
    tokens: float = math.inf  # what an endpoint with a rate limit has left of it
    filled_at: float = 0.0

    @property
    def room(self) -> int:
        """How many more may start."""
        return max(0, self.width - self.in_flight)

    def allowance(self, rate_limit: int | None, now: float) -> int:
        """How many more may start now, under a limit of so many a second and at most a second's at once."""
        if rate_limit is None:
            return self.room
        self.tokens = min(rate_limit, self.tokens + (now - self.filled_at) * rate_limit)
        self.filled_at = now
        return min(self.room, int(self.tokens))


class Lanes:
    """The lanes of all endpoints."""

    def __init__(self) -> None:
        self._lanes: defaultdict[str, Lane] = defaultdict(Lane)
        self._in_flight = 0
        self._contenders = 0

    @property
    def room(self) -> int:
        """How many slots are free."""
        return SLOTS - self._in_flight

    @property
    def depth(self) -> int:
        """How many candidates of each endpoint are worth a look, going by how many had some last time."""
        fair = 2 * SLOTS // max(1, self._contenders)
        return min(max(fair, START), max((lane.width for lane in self._lanes.values()), default=START))

    def full(self) -> list[str]:
        """The endpoints for which nothing may be claimed now."""
        return [endpoint_id for endpoint_id, lane in self._lanes.items() if lane.room == 0]

    def choose(self, candidates: Iterable[Candidate], now: float) -> list[Candidate]:
        """What of the candidates to claim now: one of each endpoint in turn, those that are proven first.

        `now` in seconds of any steady clock.
        """
        queues: defaultdict[str, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            queues[candidate.endpoint_id].append(candidate)
        self._contenders = len(queues)
        proven: list[list[Candidate]] = []
        others: list[list[Candidate]] = []
        for endpoint_id, queue in queues.items():
            lane = self._lanes[endpoint_id]
            (proven if lane.proven else others).append(queue[: lane.allowance(queue[0].rate_limit, now)])
        chosen = _in_turn(proven, self.room)
        room = min(self.room - len(chosen), UNPROVEN_SLOTS - self._unproven_in_flight())
        return chosen + _in_turn(others, room)

    def started(self, endpoint_id: str) -> None:
        """A request to this endpoint is under way."""
        lane = self._lanes[endpoint_id]
        lane.in_flight += 1
        lane.tokens -= 1
        self._in_flight += 1

    def ended(self, endpoint_id: str, *, succeeded: bool) -> None:
        """A request to this endpoint ended."""
        lane = self._lanes[endpoint_id]
        lane.in_flight -= 1
        self._in_flight -= 1
        lane.proven = succeeded
        lane.width = min(lane.width * 2, WIDEST) if succeeded else 1

    def _unproven_in_flight(self) -> int:
        return sum(lane.in_flight for lane in self._lanes.values() if not lane.proven)


def _in_turn(queues: list[list[Candidate]], room: int) -> list[Candidate]:
    """At most `room` of the queues' candidates: the first of each, then the second of each, and so on."""
    turns = chain.from_iterable(zip_longest(*queues))
    return list(islice((candidate for candidate in turns if candidate is not None), max(0, room)))
