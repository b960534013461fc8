"""A plan's prices as a form has them: a row of fields each, and some to fill in."""

from typing import Any

from werkzeug.datastructures import MultiDict

SPARE = 2  # empty rows at the end
FIELDS = ("id", "name", "amount", "currency", "count", "every")
INTERVALS = (
    ("", "paid once"),
    ("DAY", "day(s)"),
    ("WEEK", "week(s)"),
    ("MONTH", "month(s)"),
    ("YEAR", "year(s)"),
)
NOTHING = {"id": "", "name": "", "amount": "", "currency": "", "count": "1", "every": "MONTH"}


def rows(prices: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows of prices in the Admin API's shape, and the spare ones."""
    return [_row(price) for price in prices] + [NOTHING] * SPARE


def typed(form: MultiDict[str, str]) -> list[dict[str, str]]:
    """The rows as they were sent, once more."""
    columns = [form.getlist(f"price_{field}") for field in FIELDS]
    found = [dict(zip(FIELDS, row, strict=True)) for row in zip(*columns, strict=False)]
    return found or [NOTHING] * SPARE


def sent(form: MultiDict[str, str]) -> list[dict[str, Any]]:
    """The prices in the Admin API's shape, which its schema checks. A row without an amount is none."""
    return [_price(row) for row in typed(form) if row["amount"].strip()]


def _row(price: dict[str, Any]) -> dict[str, str]:
    interval = price["interval"] or {"type": "", "count": 1}
    return {
        "id": price["id"],
        "name": price["name"] or "",
        "amount": f"{price['amount']:.12g}",
        "currency": price["currency"],
        "count": str(interval["count"]),
        "every": interval["type"],
    }


def _price(row: dict[str, str]) -> dict[str, Any]:
    every = row["every"]
    return {
        "id": row["id"] or None,
        "name": row["name"].strip() or None,
        "amount": _number(float, row["amount"]),
        "currency": row["currency"].strip(),
        "type": "SUBSCRIPTION" if every else "ONETIME",
        "interval": {"type": every, "count": _number(int, row["count"] or "1")} if every else None,
    }


def _number(kind: type[float] | type[int], text: str) -> float | str:
    """The number that was typed. What is none stays text, which the schema refuses."""
    try:
        return kind(text)
    except ValueError:
        return text
