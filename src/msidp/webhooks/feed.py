"""The feed: claims what is due, keeps it in flight, records how it ended; one loop in one thread.

It claims again while requests are still under way, so that nobody waits for the slowest. No transaction is
open while it waits for the network.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy.orm import Session

from msidp import clock
from msidp.db import reading, transaction
from msidp.outbound.client import Client
from msidp.outbound.exchange import Reply
from msidp.settings import Settings
from msidp.vault.fields import CannotOpen
from msidp.webhooks import claim, settle
from msidp.webhooks.claim import Claimed, Target
from msidp.webhooks.dialects import Message, attempt_headers
from msidp.webhooks.lanes import Lanes
from msidp.webhooks.secrets import open_headers, open_secrets
from msidp.webhooks.settle import Outcome

LEASES = 3  # a lease lasts as long as this many attempts may take
LOOK_EVERY = 0.02  # seconds between looks for what has become due meanwhile
GATHER = 0.005  # seconds that an outcome may wait for others, to be recorded together
BATCH = 64
NEAR = 6 * clock.SECOND  # due that soon, a delivery is waited for: cron rings every 5 seconds
SECRET_UNAVAILABLE = "secret_unavailable"  # noqa: S105  # an attempt's error: nothing here opens the secret
REDACTED = "(not logged)"

Tag = tuple[Claimed, Target, dict[str, str], int]
"""What an attempt is known by: the delivery, the endpoint, the headers to log, the moment it began."""

log = structlog.get_logger(__name__)


class _Plan(NamedTuple):
    """What to claim: the rows of the chosen and of those claimed too often; `due` if there was anything."""

    due: bool
    worn_out: Sequence[int]
    chosen: Sequence[int]


_NOTHING = _Plan(False, (), ())


class Feed:
    """Delivers through one client. Needs an application context."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._timeout = settings.webhook_timeout
        self._schedule = settings.webhook_retry_schedule
        self._lanes = Lanes()
        self._ended: list[Outcome] = []
        self._ended_since = 0.0
        self._looked = 0.0
        self._claimed_at = 0

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

    def _turn_is_due(self) -> bool:
        now = time.monotonic()
        if self._ended and (
            len(self._ended) >= BATCH or not self._client.in_flight or now - self._ended_since >= GATHER
        ):
            return True
        return now - self._looked >= LOOK_EVERY

    def _patience(self) -> float:
        """How long the network may be waited for before the next turn."""
        until = self._looked + LOOK_EVERY
        if self._ended:
            until = min(until, self._ended_since + GATHER) if self._client.in_flight else 0.0
        return max(0.0, until - time.monotonic())

    def _turn(self, *, claiming: bool) -> bool:
        """Record what ended and claim anew, in one transaction. Tells whether anything was due."""
        ended, self._ended = self._ended, []
        self._looked = time.monotonic()
        now = self._claimed_at = clock.now()
        if ended:
            with transaction() as session:
                settle.record(session, ended, self._schedule)
                plan = self._plan(session, now) if claiming else _NOTHING
                claimed, targets = self._claim(session, plan, now)
        else:
            with reading() as session:  # a look costs no write lock
                plan = self._plan(session, now) if claiming else _NOTHING
            if not plan.chosen and not plan.worn_out:
                return plan.due
            with transaction() as session:
                claimed, targets = self._claim(session, plan, now)
        for one in claimed:
            self._start(one, targets[one.endpoint_id])
        return plan.due

    def _plan(self, session: Session, now: int) -> _Plan:
        """Look for what is due, and choose fairly."""
        candidates = claim.peek(session, now, self._lanes.full(), self._lanes.depth)
        worn_out = [candidate.seq for candidate in candidates if candidate.claims >= claim.MAX_CLAIMS]
        fresh = [candidate for candidate in candidates if candidate.claims < claim.MAX_CLAIMS]
        chosen = self._lanes.choose(fresh, time.monotonic())
        return _Plan(bool(candidates), worn_out, [candidate.seq for candidate in chosen])

    def _claim(self, session: Session, plan: _Plan, now: int) -> tuple[list[Claimed], dict[str, Target]]:
        """Claim what was chosen, and read where it goes."""
        if plan.worn_out:
            claim.park(session, plan.worn_out, now)
        if not plan.chosen:
            return [], {}
        lease = round(LEASES * self._timeout * clock.SECOND)
        claimed = claim.take(session, plan.chosen, now, lease)
        targets = claim.targets(session, {one.endpoint_id for one in claimed})
        return claimed, {target.id: target for target in targets}

    def _start(self, claimed: Claimed, target: Target) -> None:
        now = clock.now()
        self._lanes.started(target.id)
        try:
            secrets = open_secrets(
                target.id, target.secret, target.previous_secret, target.previous_secret_expires_at, now
            )
        except CannotOpen:
            log.error("a webhook's secret cannot be opened", webhook_id=target.id)
            reply = Reply(None, SECRET_UNAVAILABLE, 0, (), b"")
            self._receive([((claimed, target, {}, now), reply)])
            return
        message = Message(claimed.event_id, claimed.delivery_id, claimed.name, claimed.body)
        headers = attempt_headers(claimed.dialect, message, secrets, now)
        custom = open_headers(target.id, target.headers)
        lines = [f"{name}: {value}" for name, value in {**custom, **headers}.items()]
        shown = {**dict.fromkeys(custom, REDACTED), **headers}  # custom ones may hold credentials
        self._client.post(
            target.url,
            lines,
            claimed.body,
            timeout=self._timeout,
            tag=(claimed, target, shown, now),
        )

    def _receive(self, replies: Sequence[tuple[Tag, Reply]]) -> None:
        if replies and not self._ended:
            self._ended_since = time.monotonic()
        for (claimed, target, headers, at), reply in replies:
            self._lanes.ended(target.id, succeeded=reply.error is None)
            self._ended.append(Outcome(claimed, target, headers, at, reply))

    def _soon(self) -> bool:
        """Whether a delivery becomes due within a few seconds of the moment of the latest claim."""
        with reading() as session:
            due = claim.next_due(session, self._claimed_at)
        return due is not None and due <= self._claimed_at + NEAR
