"""An endpoint's rate limit: how many attempts may begin now, whichever worker makes them.

The state is one column, `paced_until`: the moment up to which the limit is used up, counted as if attempts
began evenly spaced (the generic cell rate algorithm). It may run ahead of the clock by one second, so that a
second's worth may begin at once, and no more than that for all workers together.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, String, Update, bindparam, select, update

from msidp import clock
from msidp.webhooks.lists import among, bound_list
from msidp.webhooks.models import WebhookEndpoint


class Pace(NamedTuple):
    """A rate limit, in attempts a second, and the moment up to which it is used up, in milliseconds."""

    rate_limit: int
    until: float | None = None

    def allowance(self, now: int) -> int:
        """How many attempts may begin now."""
        ahead = max(0.0, (self.until or 0.0) - now)
        return max(0, int((clock.SECOND - ahead) * self.rate_limit / clock.SECOND + 1e-6))

    def after(self, now: int, count: int) -> float:
        """The new `until` once `count` attempts have begun."""
        return max(self.until or 0.0, now) + count * clock.SECOND / self.rate_limit


Paces = Mapping[str, Pace | None]
"""By endpoint; None for one whose limit is gone."""


def lock(connection: Connection, endpoint_ids: Sequence[str]) -> Paces:
    """The paces of these endpoints, held until the transaction ends, without those that another one holds.

    Nobody is waited for: deliveries are locked already, and the usual order is endpoints first.
    """
    values = {"ids": bound_list(connection, endpoint_ids)}
    rows = connection.execute(_paces(connection.dialect.name), values).all()
    return {id_: None if rate_limit is None else Pace(rate_limit, until) for id_, rate_limit, until in rows}


def note(connection: Connection, begun: Iterable[str], paces: Paces, now: int) -> None:
    """Count the attempts that begin: the endpoint's id of each."""
    changes = [
        {"endpoint": endpoint_id, "until": held.after(now, count)}
        for endpoint_id, count in Counter(begun).items()
        if (held := paces.get(endpoint_id)) is not None
    ]
    if changes:
        connection.execute(_note(), changes)


@cache
def _paces(dialect: str) -> Select[*tuple[Any, ...]]:
    return (
        select(WebhookEndpoint.id, WebhookEndpoint.rate_limit, WebhookEndpoint.paced_until)
        .where(among(WebhookEndpoint.id, "ids", dialect, String))
        .with_for_update(skip_locked=True, key_share=True)
    )


@cache
def _note() -> Update:
    return (
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == bindparam("endpoint"))
        .values(paced_until=bindparam("until"))
    )
