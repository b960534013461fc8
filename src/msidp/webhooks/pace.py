"""An endpoint's rate limit: how many attempts may begin now, whichever worker makes them.

The state is one column, `paced_until`: the moment up to which the limit is used up, counted as if attempts
began evenly spaced (the generic cell rate algorithm). It may run ahead of the clock by one second, so that a
second's worth may begin at once, and no more than that for all workers together.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Executable, String, bindparam, select, update

from msidp import clock
from msidp.prepared import Core, Prepared
from msidp.webhooks.lists import among, bound_list
from msidp.webhooks.models import WebhookEndpoint

SET_BACK = clock.MINUTE  # ahead of the clock, `paced_until` was noted before the clock was set back


class Pace(NamedTuple):
    """A rate limit, in attempts a second, and the moment up to which it is used up, in milliseconds."""

    rate_limit: int
    until: float | None = None

    def allowance(self, now: int) -> int:
        """How many attempts may begin now."""
        return max(0, int((clock.SECOND - self._ahead(now)) * self.rate_limit / clock.SECOND + 1e-6))

    def after(self, now: int, count: int) -> float:
        """The new `until` once `count` attempts have begun."""
        return now + self._ahead(now) + count * clock.SECOND / self.rate_limit

    def _ahead(self, now: int) -> float:
        """By how much of the time to come it is used up."""
        ahead = max(0.0, (self.until or 0.0) - now)
        return ahead if ahead < SET_BACK else 0.0


Paces = Mapping[str, Pace | None]
"""By endpoint; None for one whose limit is gone."""


def lock(core: Core, endpoint_ids: Sequence[str]) -> Paces:
    """The paces of these endpoints, held until the transaction ends, without those that another one holds.

    Nobody is waited for: deliveries are locked already, and the usual order is endpoints first.
    """
    rows = core.all(_paces, {"ids": bound_list(core.dialect, endpoint_ids)})
    return {id_: None if rate_limit is None else Pace(rate_limit, until) for id_, rate_limit, until in rows}


def note(core: Core, begun: Iterable[str], paces: Paces, now: int) -> None:
    """Count the attempts that begin: the endpoint's id of each."""
    changes = [
        {"endpoint": endpoint_id, "until": held.after(now, count)}
        for endpoint_id, count in Counter(begun).items()
        if (held := paces.get(endpoint_id)) is not None
    ]
    core.many(_NOTE, changes)


@Prepared
def _paces(dialect: str) -> Executable:
    return (
        select(WebhookEndpoint.id, WebhookEndpoint.rate_limit, WebhookEndpoint.paced_until)
        .where(among(WebhookEndpoint.id, "ids", dialect, String))
        .with_for_update(skip_locked=True, key_share=True)
    )


_NOTE = Prepared(
    update(WebhookEndpoint)
    .where(WebhookEndpoint.id == bindparam("endpoint"))
    .values(paced_until=bindparam("until"))
)
