"""What the commands share: settings with readable errors, the application's context, printing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pydantic import ValidationError

    from msidp.audit.service import Actor
    from msidp.settings import Settings


class Refused(click.ClickException):
    """What msidp will not do, in the words of its errors: `{code, message, details?}` (see `errors.Problem`).

    `status` is given where it came over HTTP.
    """

    def __init__(self, told: Mapping[str, Any], status: int | None = None) -> None:
        self.code: str = told["code"]
        message = told["message"]
        lines = [message if status is None else f"{message} ({status} {self.code})"]
        details = [(each.get("field") or "-", each["message"]) for each in told.get("details") or ()]
        if len(details) != 1 or details[0][1] not in message:  # else it is all said
            lines += [f"  {field}: {reason}" for field, reason in details]
        super().__init__(printable("\n".join(lines)))


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def load_settings(port: int | None = None) -> "Settings":
    """The settings in force, or one clear line for each that is wrong.

    `port` is where the site is about to be served; None for where it was last.
    """
    from pydantic import ValidationError

    from msidp.cli import port as ports
    from msidp.settings import Settings, UnusableSecretKey, instance_dir

    try:
        return Settings.load(port=port or ports.last(instance_dir()))
    except ValidationError as error:
        raise click.ClickException("\n       ".join(explain(error))) from None
    except UnusableSecretKey as error:
        raise click.ClickException(str(error)) from None
    except UnicodeDecodeError:
        raise click.ClickException("msidp.env in the instance directory is not UTF-8 text.") from None
    except OSError as error:
        raise click.ClickException(
            f"The instance directory {error.filename} cannot be used: {error.strerror}. "
            "Set MSIDP_INSTANCE_DIR to a directory that this user may write."
        ) from None


def explain(error: "ValidationError") -> list[str]:
    """One line a wrong setting, by its name in the environment, without its value: it may be a secret."""
    lines: dict[str, str] = {}
    for found in error.errors(include_url=False, include_input=False):
        name = f"MSIDP_{str(found['loc'][0]).upper()}"
        lines.setdefault(name, f"{name}: {found['msg'].removeprefix('Value error, ')}")
    return list(lines.values())


def require_instance() -> None:
    """Refuse to make a second instance by accident, where a command was called in another directory."""
    from msidp.settings import instance_dir, instance_exists

    if not instance_exists():
        raise click.ClickException(
            f"There is no msidp instance at {instance_dir()}. Run this where `msidp up` runs, "
            "or set MSIDP_INSTANCE_DIR. (`msidp up` and `msidp migrate` make a new one.)"
        )


@contextmanager
def application() -> Iterator[None]:
    """The application's context for a command that works on the database, which says what it refuses."""
    from msidp import db
    from msidp.app import create_core

    app = create_core(load_settings())
    with app.app_context():
        try:
            with refusals_said():
                yield
        finally:
            db.dispose()


@contextmanager
def refusals_said() -> Iterator[None]:
    """What a service or the database refuses, as a message and no traceback."""
    from sqlalchemy.exc import DBAPIError

    from msidp.errors import Problem

    try:
        yield
    except Problem as problem:
        raise Refused(problem.as_json()) from None
    except DBAPIError as error:
        raise click.ClickException(f"The database refuses: {first_line(error.orig)}") from None


def first_line(error: BaseException | None) -> str:
    """What an exception says, on one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def user() -> str:
    """Who is logged in at this machine: the audit log names them."""
    import getpass
    import os

    try:
        return getpass.getuser()[:100]
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def actor(community_id: str) -> "Actor":
    """The person at the command line, as the actor of what a command does."""
    from msidp.audit.service import Actor

    return Actor(community_id, "command_line", user())


def require_tables() -> None:
    """Refuse to go on with a database that is not migrated."""
    from msidp import revisions

    found = revisions.revision()
    if found != revisions.head():
        raise click.ClickException(revisions.complaint(found))


def show(data: dict[str, Any], as_json: bool) -> None:
    """Print one record, as JSON or as lines."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    width = max(map(len, data))
    for name, value in data.items():
        click.echo(f"{name:<{width}}  {value}")


def show_all(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print records of one kind, as JSON or as a table."""
    if as_json:
        click.echo(json.dumps({"data": list(rows)}, ensure_ascii=False))
        return
    if not rows:
        click.echo("None.")
        return
    table = [
        list(rows[0]),
        *(["-" if value is None else str(value) for value in row.values()] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """Text of a stranger for a terminal; what would move its cursor or turn a line around is spelled out."""
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape", "replace").decode()
        for each in text
    )
