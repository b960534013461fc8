"""What is typed above the logs of deliveries and events: a span of time, and an id or address to look for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from msidp import clock
from msidp.dashboard.frame import operator
from msidp.dashboard.input import moment_of
from msidp.members import service as members

LONGEST = 320


@dataclass(frozen=True, slots=True)
class Sought:
    """`keep` are the parameters of the page; `sought` says the same in the words of the Admin API.

    In these, `delivery` is what may be the id of a delivery.
    """

    keep: dict[str, str]
    sought: dict[str, Any]


def sought_by(session: Session, given: Mapping[str, str]) -> Sought:
    """What `from`, `until` and `q` ask for; what makes no sense is left out."""
    keep: dict[str, str] = {}
    sought: dict[str, Any] = {}
    for name, field in (("from", "since"), ("until", "until")):
        moment = moment_of(given, name)
        if moment is not None:
            keep[name], sought[field] = clock.iso(moment), moment
    if query := given.get("q", "").strip()[:LONGEST]:
        keep["q"] = query
        sought |= _named(session, query)
    return Sought(keep, sought)


def _named(session: Session, query: str) -> dict[str, str]:
    """By what a person has at hand: an event's id is the `webhook-id` of its requests."""
    if query.startswith("evt_"):
        return {"event": query}
    if "@" in query:
        member = members.find_by_email(session, operator().community_id, query)
        return {"member": query if member is None else member.id}
    return {"member": query} if query.startswith("mem_") else {"delivery": query}
