"""What the demo prints: headings, and a line for each step with its details beside it."""

import shutil
import sys
import textwrap
from pathlib import Path

import click

_TITLE = 24  # columns
_MIN_DETAIL = 40
_LOG_LINES = 12


def heading(text: str) -> None:
    """A line above a group of steps."""
    click.echo(f"\n{click.style(text, bold=True)}")


def passed(title: str, details: list[str]) -> None:
    """✓ and what happened."""
    _step(click.style("✓", fg="green"), title, details)


def failed(title: str, reason: str, log: Path) -> None:
    """✗ and why, with the end of the server's log."""
    _step(click.style("✗", fg="red"), title, [reason])
    if log.is_file() and (lines := log.read_text(errors="replace").splitlines()[-_LOG_LINES:]):
        click.echo(f"\n  the end of {log}:")
        for line in lines:
            click.echo(f"    {textwrap.shorten(line, 400, placeholder=' …')}")


def addresses(pairs: dict[str, str]) -> None:
    """Names and the addresses to open."""
    width = max(map(len, pairs))
    for name, address in pairs.items():
        click.echo(f"  {name:<{width}}  {click.style(address, fg='cyan')}")


def note(text: str) -> None:
    """A line of its own."""
    click.echo(f"  {text}")


def masked(secret: str) -> str:
    """A secret as it may be shown: its kind and its last four characters."""
    prefix, underscore, _ = secret.partition("_")
    return f"{prefix if underscore else ''}{underscore}…{secret[-4:]}"


def milliseconds(seconds: float) -> str:
    """A duration, as in `12 ms`."""
    return f"{seconds * 1000:.0f} ms"


def _step(mark: str, title: str, details: list[str]) -> None:
    width = max(_columns() - _TITLE - 4, _MIN_DETAIL)
    lines = [line for detail in details for line in _wrap(detail, width)]
    click.echo(f"  {mark} {title:<{_TITLE}}{lines[0]}")
    for line in lines[1:]:
        click.echo(" " * (_TITLE + 4) + line)


def _wrap(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]  # with its own spacing
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _columns() -> int:
    return min(shutil.get_terminal_size((120, 24)).columns, 140) if sys.stdout.isatty() else 120
