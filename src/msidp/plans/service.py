"""What can be done with plans, in terms of the session it is given."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from msidp.errors import NotFound
from msidp.plans.models import Plan, Price


def active_prices(plan: Plan) -> list[Price]:
    """The prices a member can join at now. A plan without one is free."""
    return [price for price in plan.prices if price.status == "ACTIVE"]


def plans_to_join(session: Session, community_id: str, plan_ids: Sequence[str]) -> list[Plan]:
    """These plans, in this order, held against deletion until the transaction ends.

    Raises NotFound (`plan-not-found`) for one that is unknown or archived.
    """
    wanted = list(dict.fromkeys(plan_ids))
    if not wanted:
        return []
    found = session.scalars(
        select(Plan)
        .where(Plan.community_id == community_id, Plan.id.in_(wanted), Plan.status == "ACTIVE")
        .options(selectinload(Plan.prices))
        .with_for_update(read=True, key_share=True)
    )
    by_id = {plan.id: plan for plan in found}
    for plan_id in wanted:
        if plan_id not in by_id:
            raise NotFound("plan-not-found", f"There is no plan {plan_id} to join.")
    return [by_id[plan_id] for plan_id in wanted]
