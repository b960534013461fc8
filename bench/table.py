"""What the benchmarks print."""

_WIDTHS = (38, 10, 12, 34)


def title(text: str) -> str:
    """A line above a table."""
    return f"\n{text}\n{'─' * sum(_WIDTHS)}"


def line(name: str, first: str, second: str, goal: str = "") -> str:
    """One line of a table."""
    return f"{name:<{_WIDTHS[0]}}{first:>{_WIDTHS[1]}}{second:>{_WIDTHS[2]}}  {goal}".rstrip()


def columns(name: str, *numbers: str, note: str = "") -> str:
    """One line of a table that compares several."""
    return f"{name:<22}{''.join(f'{number:>11}' for number in numbers)}  {note}".rstrip()


def cost(name: str, microseconds: float, compared: float, goal: float | None = None) -> str:
    """One operation: its CPU time, how many of `compared` that is, and how it stands to its goal."""
    return line(name, f"{microseconds:,.0f}", f"{microseconds / compared:.1f}", judged(microseconds, goal))


def judged(value: float, goal: float | None, unit: str = "µs") -> str:
    """Whether a goal, the most that a value may be, is met."""
    if goal is None:
        return ""
    verdict = "met" if value <= goal else f"MISSED by {(value / goal - 1):.0%}"
    return f"goal ≤ {goal:,.10g} {unit}: {verdict}"
