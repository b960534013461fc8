"""Commands on what the database holds: migrate, api-key, community."""

import click

from msidp.cli.common import application, as_json, require_instance, require_tables, show


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
@as_json
def create_api_key(name: str, as_json: bool) -> None:
    """Make a secret key. It is shown this once."""
    require_instance()
    with application():
        from msidp import db
        from msidp.communities import service

        require_tables()
        check_name(name)
        with db.transaction() as session:
            key = service.create_api_key(session, service.ensure_default(session).id, name)
    show({"id": key.id, "secretKey": key.secret_key}, as_json)


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
