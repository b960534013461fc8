"""`msidp doctor`: the settings in force, what is wrong, and how to mend it."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from msidp.cli.common import as_json, load_settings, require_instance
from msidp.ops.disclosure import shown

if TYPE_CHECKING:
    from msidp.ops.checks import Check


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Check everything and say how to mend it. The status is 1 when something is wrong."""
    from msidp import db
    from msidp.app import create_core
    from msidp.ops.diagnosis import examine, given_names

    require_instance()
    settings = load_settings()
    app = create_core(settings)
    with app.app_context():
        checks = examine(settings)
        db.dispose()
    values = {f"MSIDP_{name.upper()}": shown(value) for name, value in settings}
    if as_json:
        click.echo(json.dumps({"settings": values, "checks": [check_json(check) for check in checks]}))
    else:
        print_report(given_names(settings), values, checks)
    sys.exit(0 if all(check.ok for check in checks) else 1)


def check_json(check: "Check") -> dict[str, Any]:
    """One check for machines."""
    return {
        "name": check.name,
        "ok": check.ok,
        "message": check.message,
        "mend": check.mend,
        "detail": shown(check.detail),
    }


def print_report(given: set[str], values: dict[str, str], checks: "list[Check]") -> None:
    """The report for people."""
    width = max(map(len, values))
    for name, value in values.items():
        click.echo(f"{name:<{width}}  {value or '-'}{'' if name in given else '  (default)'}")
    click.echo()
    for check in checks:
        click.echo(f"{'✓' if check.ok else '✗'} {check.name}: {check.message}")
        if check.detail:
            click.echo(f"    {shown(check.detail).strip().splitlines()[0]}")
        if check.mend:
            click.echo(f"    → {check.mend}")
