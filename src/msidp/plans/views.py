"""Plans and prices in Memberstack's shapes."""

from typing import Any

from msidp import clock
from msidp.plans.models import Plan, Price
from msidp.plans.service import active_prices


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan with its prices, the archived ones left out."""
    return {
        "id": plan.id,
        "name": plan.name,
        "description": plan.description,
        "priority": plan.priority,
        "status": plan.status,
        "prices": [price_json(price) for price in active_prices(plan)],
        "createdAt": clock.iso(plan.created_at),
    }


def price_json(price: Price) -> dict[str, Any]:
    """A price; `interval` is null for a price paid once."""
    interval = {"type": price.interval_type, "count": price.interval_count}
    return {
        "id": price.id,
        "name": price.name,
        "amount": number(price.amount),
        "currency": price.currency,
        "interval": interval if price.interval_type else None,
        "type": price.type,
        "status": price.status,
    }


def number(amount: float) -> int | float:
    """An amount as JSON writes it best: 10, not 10.0."""
    return int(amount) if amount.is_integer() else amount
