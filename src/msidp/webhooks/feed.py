"""The feed: claims what is due, keeps it in flight, records how it ended; one loop in one thread.

It claims again while requests are still under way, so that nobody waits for the slowest. No transaction is
open while it waits for the network.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from msidp import clock
from msidp.db import reading, transaction
from msidp.outages import Outage
from msidp.outbound.client import Client
from msidp.outbound.exchange import Reply
from msidp.settings import Settings
from msidp.vault.fields import CannotOpen
from msidp.webhooks import claim, settle, tally
from msidp.webhooks.attempts import Outcome
from msidp.webhooks.claim import Candidate, Claimed, Target
from msidp.webhooks.lanes import Lanes
from msidp.webhooks.sending import Sender

LEASES = 3  # a lease lasts as long as this many attempts may take
LOOK_EVERY = 0.02  # seconds between looks for what has become due meanwhile
PAUSE_WHILE_FULL = 0.1  # the same after a look that filled every slot
SOONEST = 0.004  # the same where the bell has rung since
PAUSE_WITHOUT_DATABASE = 1.0  # the same after one that found the database away
GRACE = 2.0  # the same after the first that found it back: for others to record what they sent
BATCH = 512  # outcomes that are recorded at once
PORTION = (
    32  # requests that are begun before answers are taken: few connections stay in the processor's caches
)
NEAR = 6 * clock.SECOND  # due that soon, a delivery is waited for: cron rings every 5 seconds
SECRET_UNAVAILABLE = "secret_unavailable"  # noqa: S105  # an attempt's error: nothing here opens the secret

Tag = tuple[Claimed, Target, dict[str, str], int]
"""What an attempt is known by: the delivery, the endpoint, the headers to log, the moment it began."""

log = structlog.get_logger(__name__)


class _Plan(NamedTuple):
    """What to claim; `due` if there was anything."""

    due: bool
    chosen: Sequence[Candidate]


_NOTHING = _Plan(False, ())


class Feed:
    """Delivers through one client. Needs an application context."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._timeout = settings.webhook_timeout
        self._schedule = settings.webhook_retry_schedule
        self._lanes = Lanes()
        self._ended: list[Outcome] = []
        self._looked = 0.0
        self._pause = LOOK_EVERY
        self._nudged = False
        self._claimed_at = 0
        self._outage = Outage("deliveries")
        self._away = False  # whether the database was, at the latest look

    def run(self, going: Callable[[], bool]) -> None:
        """Deliver until nothing is due, or soon will be, and nothing in flight.

        Once `going` says no, nothing more is claimed, and it ends with the last reply.
        """
        while True:
            if self._turn_is_due():
                due = self._turn(claiming=going())
                if not due and not self._client.in_flight and not (going() and self._soon()):
                    return
            self._receive(self._client.poll(self._patience()))

    def nudge(self) -> None:
        """Have it look again at once. Any thread may call this."""
        self._nudged = True
        self._client.wake()

    def _turn_is_due(self) -> bool:
        """Whether to record and to look again: each costs a transaction, so outcomes are gathered.

        They are not once half of what was under way has ended, for then the slots run dry.
        """
        if self._patience() == 0:
            return True
        if self._pause in (PAUSE_WITHOUT_DATABASE, GRACE):
            return False
        return len(self._ended) >= max(1, min(BATCH, self._client.in_flight))

    def _patience(self) -> float:
        """How long the network may be waited for before the next turn."""
        pause = SOONEST if self._nudged and self._pause == LOOK_EVERY else self._pause
        return max(0.0, self._looked + pause - time.monotonic())

    def _turn(self, *, claiming: bool) -> bool:
        """Record what ended and claim anew. Tells whether anything was due.

        While the database is away, outcomes wait for it: what was delivered need not be sent again. So they
        do in other workers, whose leases may be over by then: the first turn after that claims nothing.
        """
        self._nudged = False  # before the look: who rings from here on is looked for again
        self._looked = time.monotonic()
        now = self._claimed_at = clock.now()
        ended, self._ended = self._ended, []
        try:
            due, claimed, targets = self._record_and_claim(ended, now, claiming=claiming)
        except SQLAlchemyError as error:
            self._ended = ended + self._ended
            self._wait_for_database(error)
            return claiming
        self._outage.is_over()
        if time.monotonic() - self._looked > (LEASES - 1) * self._timeout:
            self._away = True  # it was frozen: these leases, and those of others, are as good as over
            return True
        self._send(claimed, targets, now)
        if self._away:
            self._away, self._pause = False, GRACE
        else:
            self._pause = LOOK_EVERY if self._lanes.room(now) else PAUSE_WHILE_FULL
        return due

    def _wait_for_database(self, error: SQLAlchemyError) -> None:
        """Raises the error where more is wrong than that the database is away."""
        if not self._outage.explains(error):
            raise error
        self._away, self._pause = True, PAUSE_WITHOUT_DATABASE

    def _record_and_claim(
        self, ended: Sequence[Outcome], now: int, *, claiming: bool
    ) -> tuple[bool, Sequence[Claimed], Mapping[str, Target]]:
        """In one transaction. Whether anything was due; what was claimed, and where it goes."""
        if ended:
            with transaction() as session:
                recorded = settle.record(session, ended, self._schedule)
                plan = self._plan(session, now) if claiming else _NOTHING
                claimed, targets = self._claim(session, plan, now)
            tally.count(recorded)
            return plan.due, claimed, targets
        with reading() as session:  # a look costs no write lock
            plan = self._plan(session, now) if claiming else _NOTHING
        if not plan.chosen:
            return plan.due, (), {}
        with transaction() as session:
            return plan.due, *self._claim(session, plan, now)

    def _plan(self, session: Session, now: int) -> _Plan:
        """Look for what is due, and choose fairly."""
        lanes = self._lanes
        if not lanes.room(now):
            return _NOTHING
        waiting = claim.peek(session, now, lanes.full(now), lanes.depth(now))
        return _Plan(bool(waiting), () if self._away else lanes.choose(waiting, now))

    def _claim(self, session: Session, plan: _Plan, now: int) -> tuple[list[Claimed], dict[str, Target]]:
        """Claim what was chosen, and read where it goes."""
        if not plan.chosen:
            return [], {}
        lease = round(LEASES * self._timeout * clock.SECOND)
        claimed = claim.take(session, plan.chosen, now, lease)
        worn_out = [one for one in claimed if one.claims > claim.MAX_CLAIMS]
        if worn_out:
            claim.park(session, worn_out, now)
            claimed = [one for one in claimed if one.claims <= claim.MAX_CLAIMS]
        targets = claim.targets(session, {one.endpoint_id for one in claimed})
        return claimed, {target.id: target for target in targets}

    def _send(self, claimed: Sequence[Claimed], targets: Mapping[str, Target], now: int) -> None:
        senders = {target.id: _sender(target, now) for target in targets.values()}
        for number, one in enumerate(claimed, 1):
            self._start(one, targets[one.endpoint_id], senders[one.endpoint_id])
            if number % PORTION == 0:
                self._receive(self._client.poll(0))

    def _start(self, claimed: Claimed, target: Target, sender: Sender | None) -> None:
        now = clock.now()
        self._lanes.started(target.id, now)
        try:
            attempt = None if sender is None else sender.prepare(claimed, now)
        except CannotOpen:
            attempt = None
        if attempt is None:
            log.error("a webhook's secret cannot be opened", webhook_id=target.id)
            reply = Reply(None, SECRET_UNAVAILABLE, 0, (), b"")
            self._receive([((claimed, target, {}, now), reply)])
            return
        lines, body, logged = attempt
        tag = (claimed, target, logged, now)
        self._client.post(target.url, lines, body, timeout=self._timeout, tag=tag)

    def _receive(self, replies: Sequence[tuple[Tag, Reply]]) -> None:
        now = clock.now()
        for (claimed, target, headers, at), reply in replies:
            self._lanes.ended(target.id, now, succeeded=reply.error is None)
            self._ended.append(Outcome(claimed, target, headers, at, reply))

    def _soon(self) -> bool:
        """Whether a delivery becomes due within a few seconds of the moment of the latest claim."""
        try:
            with reading() as session:
                due = claim.next_due(session, self._claimed_at)
        except SQLAlchemyError as error:
            self._wait_for_database(error)
            return True
        return due is not None and due <= self._claimed_at + NEAR


def _sender(target: Target, now: int) -> Sender | None:
    """None where nothing at hand opens its secrets."""
    try:
        return Sender(target, now)
    except CannotOpen:
        return None
