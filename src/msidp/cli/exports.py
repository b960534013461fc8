"""Lists as files on the standard output: `msidp delivery export`, `msidp audit-log export`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from msidp.cli.common import actor, application, require_instance, require_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from msidp.exports import Export, Format


def in_format(command: "Callable[..., Any]") -> "Callable[..., Any]":
    """Give a command that writes a list its `--format`, and the `--json` of all that print data."""
    either = click.option(
        "--format",
        "form",
        type=click.Choice(["jsonl", "csv"]),
        default="jsonl",
        show_default=True,
        help="A line of JSON each, or CSV for spreadsheets.",
    )
    return either(click.option("--json", "form", flag_value="jsonl", help="A line of JSON each.")(command))


@click.group()
def delivery() -> None:
    """The log of webhook deliveries."""


@delivery.command("export")
@in_format
def export_deliveries(form: "Format") -> None:
    """Write the log, oldest first, without attempts."""
    require_instance()
    with application():
        from msidp.webhooks.models import Delivery
        from msidp.webhooks.views import EXPORT

        write(EXPORT, Delivery, form, "deliveries.exported")


@click.group("audit-log")
def audit_log() -> None:
    """Who did what, from where."""


@audit_log.command("export")
@in_format
def export_audit_log(form: "Format") -> None:
    """Write the audit log, oldest entries first."""
    require_instance()
    with application():
        from msidp.audit.models import AuditEntry
        from msidp.audit.views import EXPORT

        write(EXPORT, AuditEntry, form, "audit_log.exported")


def write(
    export: "Export", model: Any, form: "Format", action: str, details: dict[str, Any] | None = None
) -> None:
    """Write the community's rows, and note on the audit log that it was done."""
    from msidp import db, exports
    from msidp.audit import service as audit
    from msidp.communities import service as communities
    from msidp.present import present_app

    require_tables()
    with db.transaction() as session:
        community_id = communities.ensure_default(session).id
        audit.record(session, actor(community_id), action, None, {"format": form, **(details or {})})
    for piece in exports.write(present_app(), export, [model.community_id == community_id], form):
        sys.stdout.write(piece)
