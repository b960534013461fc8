"""What can be done with plans, in terms of the session it is given."""

from collections.abc import Sequence
from typing import TypedDict

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from msidp import clock, ids
from msidp.errors import Conflict, Invalid, NotFound
from msidp.plans.models import Plan, Price

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"


class IntervalTerms(TypedDict):
    """How often a subscription is billed: every `count` DAYs, WEEKs, MONTHs or YEARs."""

    type: str
    count: int


class PriceTerms(TypedDict):
    """What a price says. `id` names a price of the plan that it takes the place of."""

    id: str | None
    name: str | None
    amount: float
    currency: str
    type: str
    interval: IntervalTerms | None


class PlanChanges(TypedDict, total=False):
    """What update_plan() takes. What is left out stays as it is."""

    name: str
    description: str | None
    priority: int
    status: str
    prices: Sequence[PriceTerms]


def active_prices(plan: Plan) -> list[Price]:
    """The prices a member can join at now. A plan without one is free."""
    return [price for price in plan.prices if price.status == ACTIVE]


def create_plan(
    session: Session,
    community_id: str,
    *,
    name: str,
    description: str | None = None,
    priority: int = 0,
    prices: Sequence[PriceTerms] = (),
) -> Plan:
    """A new plan; free without a price."""
    plan = Plan(
        id=ids.new_id("pln"),
        community_id=community_id,
        name=name,
        description=description,
        priority=priority,
        status=ACTIVE,
        created_at=clock.now(),
        prices=[],
    )
    _set_prices(plan, prices)
    session.add(plan)
    session.flush()
    return plan


def get_plan(session: Session, community_id: str, plan_id: str, *, lock: bool = False) -> Plan:
    """The plan with this id, with `lock` held until the transaction ends.

    Raises NotFound (`plan-not-found`).
    """
    statement = (
        select(Plan)
        .where(Plan.community_id == community_id, Plan.id == plan_id)
        .options(selectinload(Plan.prices))
    )
    plan = session.scalar(statement.with_for_update() if lock else statement)
    if plan is None:
        raise NotFound("plan-not-found", f"There is no plan {plan_id}.")
    return plan


def active_plans(session: Session, community_id: str) -> list[Plan]:
    """The plans that are not archived, oldest first."""
    mine = select(Plan).where(Plan.community_id == community_id, Plan.status == ACTIVE)
    return list(session.scalars(mine.order_by(Plan.seq)))


def update_plan(session: Session, community_id: str, plan_id: str, changes: PlanChanges) -> Plan:
    """Change a plan. Raises NotFound, and Invalid (`price-not-found`) for a price it does not have.

    Prices left out of a new list are archived: who is on one keeps it, nobody joins at it.
    """
    plan = get_plan(session, community_id, plan_id, lock=True)
    plan.name = changes.get("name", plan.name)
    plan.description = changes.get("description", plan.description)
    plan.priority = changes.get("priority", plan.priority)
    plan.status = changes.get("status", plan.status)
    if "prices" in changes:
        _set_prices(plan, changes["prices"])
    session.flush()
    return plan


def delete_plan(session: Session, community_id: str, plan_id: str) -> None:
    """Delete a plan no member is on or was canceled on.

    Raises NotFound, and Conflict (`plan-in-use`) where there is one: archive the plan instead.
    """
    get_plan(session, community_id, plan_id, lock=True)
    try:
        session.execute(delete(Plan).where(Plan.id == plan_id))
    except IntegrityError:
        message = "Members are on this plan. Archive it (PATCH its status to ARCHIVED), or take them off it."
        raise Conflict("plan-in-use", message) from None


def plans_to_join(session: Session, community_id: str, plan_ids: Sequence[str]) -> list[Plan]:
    """These plans, in this order, held against deletion until the transaction ends.

    Raises NotFound (`plan-not-found`) for one that is unknown or archived.
    """
    wanted = list(dict.fromkeys(plan_ids))
    if not wanted:
        return []
    found = session.scalars(
        select(Plan)
        .where(Plan.community_id == community_id, Plan.id.in_(wanted), Plan.status == ACTIVE)
        .options(selectinload(Plan.prices))
        .with_for_update(read=True, key_share=True)
    )
    by_id = {plan.id: plan for plan in found}
    for plan_id in wanted:
        if plan_id not in by_id:
            raise NotFound("plan-not-found", f"There is no plan {plan_id} to join.")
    return [by_id[plan_id] for plan_id in wanted]


def _set_prices(plan: Plan, prices: Sequence[PriceTerms]) -> None:
    known = {price.id: price for price in active_prices(plan)}
    kept = [terms["id"] for terms in prices if terms["id"] is not None]
    if len(set(kept)) != len(kept) or not known.keys() >= set(kept):
        raise Invalid("price-not-found", "A price's id must be one of the plan's own, named once.")
    for price in known.values():
        price.status = ACTIVE if price.id in kept else ARCHIVED
    for terms in prices:
        price = known.get(terms["id"] or "") or Price(id=ids.new_id("prc"), status=ACTIVE)
        price.name = terms["name"]
        price.amount = terms["amount"]
        price.currency = terms["currency"]
        price.type = terms["type"]
        price.interval_type = terms["interval"]["type"] if terms["interval"] else None
        price.interval_count = terms["interval"]["count"] if terms["interval"] else None
        if price not in plan.prices:
            plan.prices.append(price)
