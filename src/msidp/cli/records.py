"""Commands on what the database holds: migrate, api-key, community."""

from typing import TYPE_CHECKING, Any

import click

from msidp.cli.common import actor, application, as_json, require_instance, require_tables, show, show_all
from msidp.cli.remote import call, connect

if TYPE_CHECKING:
    from msidp.communities.roles import KeyRole


@click.command()
@as_json
def migrate(as_json: bool) -> None:
    """Bring the database to this version, with its community and signing key."""
    with application():
        from msidp.ops.setup import prepare

        prepare()
    show({"migrated": True}, as_json) if as_json else click.echo("The database is at this version.")


@click.group("api-key")
def api_key() -> None:
    """Secret keys of the Admin API."""


@api_key.command("create")
@click.option("--name", required=True, help="What the key is for, e.g. the application's name.")
@click.option(
    "--role",
    type=click.Choice(["admin", "owner"]),
    default="admin",
    show_default=True,
    help="admin: everything but operators and keys; owner: these too.",
)
@as_json
def create_api_key(name: str, role: "KeyRole", as_json: bool) -> None:
    """Make a secret key. It is shown this once."""
    require_instance()
    with application():
        from msidp import db
        from msidp.communities.guard import default_community_id
        from msidp.operators import administration

        require_tables()
        check_name(name)
        who = actor(default_community_id())
        with db.transaction() as session:
            key = administration.create_key(session, who, name, role)
    show({"id": key.id, "secretKey": key.secret_key}, as_json)


@api_key.command("list")
@as_json
def list_api_keys(as_json: bool) -> None:
    """Print the keys that were not revoked."""
    with connect(None, None) as api:
        rows = call(api, "GET", "/api-keys")["data"]
    show_all(rows if as_json else [{**row, "createdBy": _maker(row["createdBy"])} for row in rows], as_json)


def _maker(maker: dict[str, Any] | None) -> str | None:
    """Who made a key, in a few words."""
    if maker is None:
        return None
    return f"{maker['name'] or maker['id']}{' (gone)' if maker['gone'] else ''}"


@api_key.command("revoke")
@click.argument("key_id")
def revoke_api_key(key_id: str) -> None:
    """Make a key useless at once, by its id."""
    from msidp.admin.transport import segment

    try:
        path = f"/api-keys/{segment(key_id)}"
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="KEY_ID") from None
    with connect(None, None) as api:
        call(api, "DELETE", path)
    click.echo("Revoked.")


def check_name(name: str) -> None:
    """Refuse a name that the API would refuse too."""
    from pydantic import TypeAdapter, ValidationError

    from msidp.api import Name

    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"], param_hint="--name") from None


@click.group()
def community() -> None:
    """The community of this instance."""


@community.command("show")
@as_json
def show_community(as_json: bool) -> None:
    """Print its ids, its public key and its name."""
    require_instance()
    with application():
        from msidp import db
        from msidp.communities import service

        require_tables()
        with db.transaction() as session:
            found = service.ensure_default(session)
    record = {"id": found.id, "appId": found.app_id, "publicKey": found.public_key, "name": found.name}
    show(record, as_json)
