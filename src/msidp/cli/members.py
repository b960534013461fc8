"""`msidp member`: the members of this instance, one by one and in files."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from msidp.cli.common import application, as_json, require_instance, require_tables, show
from msidp.cli.exports import in_format, write

_BATCH = 100  # records in one transaction


@click.group()
def member() -> None:
    """The members: list, create, import and export them."""


@member.command("list")
@click.option("--first", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@as_json
def list_members(first: int, as_json: bool) -> None:
    """List the newest members."""
    require_instance()
    with application():
        from sqlalchemy import select

        from msidp import db
        from msidp.communities import service as communities
        from msidp.members.models import Member
        from msidp.members.views import member_json

        require_tables()
        with db.transaction() as session:
            mine = Member.community_id == communities.ensure_default(session).id
            rows = session.scalars(select(Member).where(mine).order_by(Member.seq.desc()).limit(first))
            found = [member_json(row) for row in rows]
    if as_json:
        click.echo(json.dumps({"data": found}, ensure_ascii=False))
        return
    for each in found:
        state = "verified" if each["verified"] else "unverified"
        click.echo(f"{each['id']}  {each['createdAt'][:10]}  {state:<10}  {each['auth']['email']}")


@member.command("create")
@click.option("--email", required=True)
@click.option("--name")
@click.option("--verified", is_flag=True, help="The address is known to be theirs.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the standard input.")
@as_json
def create(email: str, name: str | None, verified: bool, password_stdin: bool, as_json: bool) -> None:
    """Make a member; without a password they sign in by mail, or set one."""
    require_instance()
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    with application():
        from msidp import db
        from msidp.communities import service as communities
        from msidp.members import service
        from msidp.members.views import member_json
        from msidp.vault.passwords import hash_password

        require_tables()
        password_hash = None if password is None else hash_password(password)
        with db.transaction() as session:
            made = service.create_member(
                session,
                communities.ensure_default(session).id,
                email=email,
                password_hash=password_hash,
                verified=verified,
                profile={"name": name} if name else None,
            )
            view = member_json(made)
    show(view if as_json else {"id": view["id"], "email": view["auth"]["email"]}, as_json)


@member.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option(
    "--from",
    "source",
    type=click.Choice(["msidp", "csv", "auth0", "firebase", "django", "memberstack"]),
    default="msidp",
    show_default=True,
    help="Which system wrote the file.",
)
@click.option(
    "--hash-parameters",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Firebase: a JSON file of base64_signer_key, base64_salt_separator, rounds and mem_cost.",
)
@as_json
def import_members(file: Any, source: str, hash_parameters: Path | None, as_json: bool) -> None:
    """Make members of a FILE's records, with their events. Members with these addresses stay as they are.

    Password hashes come along (bcrypt, scrypt, PBKDF2, argon2) and are made anew at each member's first
    log-in. A record that cannot be read is told of, and the others go on; a file can be imported again.
    """
    require_instance()
    with application():
        require_tables()
        try:
            options = json.loads(hash_parameters.read_text()) if hash_parameters else {}
            done = _import(file.read(), source, options)
        except (ValueError, RecursionError) as error:
            raise click.ClickException(f"The file cannot be read: {error}") from None
    failed = done.pop("failed")
    if as_json:
        show({**done, "failed": failed}, as_json)
    else:
        for each in failed:
            click.echo(f"line or record {each['record']}: {each['reason']}", err=True)
        show({**done, "failed": len(failed)}, as_json)
    if failed:
        raise SystemExit(1)


@member.command("export")
@in_format
@click.option("--no-password-hashes", is_flag=True, help="Leave the passwords' hashes out.")
def export(form: Any, no_password_hashes: bool) -> None:
    """Write every member, oldest first. The file holds password hashes unless told not to: keep it safe."""
    require_instance()
    with application():
        from msidp.members import transfer
        from msidp.members.models import Member

        details = {"passwordHashes": not no_password_hashes}
        write(transfer.export(hashes=not no_password_hashes), Member, form, "members.exported", details)


def _import(text: str, source: str, options: dict[str, Any]) -> dict[str, Any]:
    """How many were created and known before, and which records failed."""
    from msidp import db
    from msidp.communities import service as communities
    from msidp.members import readers, transfer

    with db.transaction() as session:
        community_id = communities.ensure_default(session).id
    done: dict[str, Any] = {"created": 0, "known": 0, "failed": []}
    records = list(readers.read(source, text, options))
    with click.progressbar(length=len(records), label="Importing", file=sys.stderr) as bar:
        for batch in _batches(records):
            with db.transaction() as session:
                for number, record in batch:
                    try:
                        added = transfer.add(session, community_id, record)
                        done["created" if added else "known"] += 1
                    except transfer.Refused as refused:
                        done["failed"].append({"record": number, "reason": str(refused)})
            bar.update(len(batch))
    return done


def _batches(records: list[tuple[int, dict[str, Any]]]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Some at a time."""
    for start in range(0, len(records), _BATCH):
        yield records[start : start + _BATCH]
