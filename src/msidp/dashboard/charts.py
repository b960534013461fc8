"""Charts of counts over time, drawn here: bars in SVG, with the figures in a table beside them.

Coordinates are attributes and colours classes, for the content security policy allows no style in a page.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from flask import request

from msidp import clock

WIDTH, HEIGHT = 600, 120  # of the drawing; the page stretches it
DEFAULT_RANGE = "30d"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Range:
    """A span of time that ends now, and its steps: hours, or days in UTC."""

    key: str
    name: str
    step: int
    steps: int

    def begins(self, now: int) -> list[int]:
        """The first millisecond of each step."""
        last = now - now % self.step
        return [last - number * self.step for number in reversed(range(self.steps))]

    def label(self, at: int) -> str:
        """A step, for a person."""
        form = "%d %b, %H:00 UTC" if self.step == clock.HOUR else "%a, %d %b %Y"
        return datetime.fromtimestamp(at / clock.SECOND, UTC).strftime(form)


RANGES = (
    Range("24h", "24 hours", clock.HOUR, 24),
    Range("7d", "7 days", clock.DAY, 7),
    Range("30d", "30 days", clock.DAY, 30),
    Range("90d", "90 days", clock.DAY, 90),
)


@dataclass(frozen=True, slots=True)
class Series:
    """One number for each step; None where there is none. `tone` is a colour's class in dashboard.css."""

    name: str
    tone: str
    values: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Series over the same steps: `stacked` on each other, or each in front of the one before."""

    id: str
    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    stacked: bool = True
    unit: str = ""

    @property
    def top(self) -> int:
        """The value at the upper edge: a round number."""
        columns = zip(*([value or 0 for value in each.values] for each in self.series), strict=True)
        return _round_up(max(sum(column) if self.stacked else max(column) for column in columns))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not any(value for each in self.series for value in each.values)

    @property
    def width(self) -> int:
        """Of the drawing."""
        return WIDTH

    @property
    def height(self) -> int:
        """Of the drawing."""
        return HEIGHT

    @property
    def bars(self) -> list[Bar]:
        """What is drawn."""
        slot, top = WIDTH / len(self.labels), self.top
        found = []
        for number, label in enumerate(self.labels):
            ground = 0.0
            for each in self.series:
                value = each.values[number]
                if not value:
                    continue
                height = max(1.0, HEIGHT * value / top)
                words = f"{label}: {value:,}{self.unit} {each.name}"
                y = HEIGHT - ground - height
                found.append(
                    Bar(
                        round(slot * (number + 0.12), 2),
                        round(max(0.0, y), 2),
                        round(slot * 0.76, 2),
                        round(height, 2),
                        each.tone,
                        words,
                    )
                )
                ground += height if self.stacked else 0
        return found

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: a step and its values, newest first, without the steps in which nothing was."""
        rows = []
        for number in reversed(range(len(self.labels))):
            values = [each.values[number] for each in self.series]
            if any(values):
                rows.append(
                    (
                        self.labels[number],
                        ["–" if value is None else f"{value:,}{self.unit}" for value in values],
                    )
                )
        return rows

    @property
    def summary(self) -> str:
        """The drawing in words."""
        if self.empty:
            return f"{self.title}, {self.labels[0]} to {self.labels[-1]}: nothing."
        parts = []
        for each in self.series:
            known = [value for value in each.values if value is not None]
            if self.stacked:
                parts.append(f"{sum(known):,} {each.name}")
            elif known:
                parts.append(f"{each.name} between {min(known):,} and {max(known):,}{self.unit}")
        return f"{self.title}, {self.labels[0]} to {self.labels[-1]}: {'; '.join(parts)}."


def chosen_range(default: str = DEFAULT_RANGE) -> Range:
    """The range that the request asks for."""
    by_key = {each.key: each for each in RANGES}
    return by_key.get(request.args.get("range", ""), by_key[default])


def by_step(
    range_: Range, begins: Sequence[int], items: Iterable[Item], at: Callable[[Item], int]
) -> list[list[Item]]:
    """The items of each step."""
    found: list[list[Item]] = [[] for _ in begins]
    for item in items:
        number = (at(item) - begins[0]) // range_.step
        if 0 <= number < len(found):
            found[number].append(item)
    return found


def _round_up(value: int) -> int:
    """The next number of the sort 1, 2, 5, 10, 20, 50, …"""
    unit = 1
    while True:
        for factor in (1, 2, 5):
            if value <= factor * unit:
                return factor * unit
        unit *= 10
