"""Memberstack's dialect for receivers that wait for `member.plan.added`; nothing else differs."""

from msidp.webhooks.catalogue import PLAN_ADDED, PLAN_CREATED
from msidp.webhooks.dialects import memberstack
from msidp.webhooks.dialects.base import Happening, Heard

prepare = memberstack.prepare


def hear(event: Happening) -> Heard | None:
    """The envelope, a new plan by its other name."""
    heard = memberstack.hear(event)
    if heard is None or heard[0] != PLAN_CREATED:
        return heard
    return PLAN_ADDED, {**heard[1], "event": PLAN_ADDED}
