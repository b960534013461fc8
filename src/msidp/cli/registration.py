"""`msidp initial-access-token`: who may register applications at /register."""

import click

from msidp.cli.common import actor, application, as_json, require_instance, require_tables, show, show_all


@click.group("initial-access-token")
def initial_access_token() -> None:
    """Tokens with which applications register themselves (RFC 7591)."""


@initial_access_token.command("create")
@click.option("--name", required=True, help="Whom the token is for.")
@click.option(
    "--days", type=click.IntRange(1, 366), default=7, show_default=True, help="How long it is good."
)
@click.option("--uses", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="How often.")
@click.option("--grant-type", "grant_types", multiple=True, help="Which may be registered; default all.")
@click.option("--scope", "scopes", multiple=True, help="Which may be registered; default those of OpenID.")
@click.option(
    "--redirect-host", "hosts", multiple=True, help="Where redirect URIs may lead; default anywhere."
)
@as_json
def create(
    name: str,
    days: int,
    uses: int,
    grant_types: tuple[str, ...],
    scopes: tuple[str, ...],
    hosts: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a token. It is shown this once."""
    require_instance()
    with application():
        from msidp import clock, db
        from msidp.cli.records import check_name
        from msidp.communities.guard import default_community_id
        from msidp.oidc.registration import access
        from msidp.oidc.registration.limits import Limits
        from msidp.oidc.registration.views import token_json

        require_tables()
        check_name(name)
        limits = Limits(list(grant_types) or None, list(scopes) or None, list(hosts) or None)
        with db.transaction() as session:
            made = access.create(
                session,
                actor(default_community_id()),
                name,
                lifetime=days * clock.DAY,
                max_uses=uses,
                limits=limits,
            )
            row = token_json(made.row)
    show({**row, "token": made.token}, as_json)


@initial_access_token.command("list")
@as_json
def list_tokens(as_json: bool) -> None:
    """Print the tokens that were not revoked."""
    require_instance()
    with application():
        from sqlalchemy import select

        from msidp import db
        from msidp.communities.guard import default_community_id
        from msidp.oidc.models import InitialAccessToken
        from msidp.oidc.registration import access
        from msidp.oidc.registration.views import token_json

        require_tables()
        statement = select(InitialAccessToken).where(*access.kept(default_community_id()))
        with db.reading() as session:
            rows = [token_json(row) for row in session.scalars(statement.order_by(InitialAccessToken.seq))]
    show_all(rows, as_json)


@initial_access_token.command("revoke")
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """Revoke a token, by its id. What was registered with it stays."""
    require_instance()
    with application():
        from msidp import db
        from msidp.communities.guard import default_community_id
        from msidp.oidc.registration import access

        require_tables()
        with db.transaction() as session:
            access.revoke(session, actor(default_community_id()), token_id)
    click.echo("Revoked.")
