"""`msidp operator`: who runs the community at the dashboard."""

import click

from msidp.cli.common import actor, application, as_json, require_instance, require_tables, show, show_all
from msidp.cli.remote import call, connect


@click.group()
def operator() -> None:
    """The people who run the community at the dashboard."""


@operator.command("create")
@click.option("--email", required=True, help="The address they will sign in with.")
@click.option(
    "--role",
    type=click.Choice(["owner", "admin", "viewer"]),
    default="owner",
    show_default=True,
    help="owner: everything; admin: everything but operators; viewer: looks only.",
)
@as_json
def create(email: str, role: str, as_json: bool) -> None:
    """Print a one-time link with which somebody becomes an operator."""
    require_instance()
    with application():
        from typing import cast

        from msidp import clock, db
        from msidp.communities.guard import default_community_id
        from msidp.communities.roles import Role
        from msidp.operators import administration
        from msidp.operators.links import setup_link

        require_tables()
        who = actor(default_community_id())
        with db.transaction() as session:
            made = administration.invite(session, who, email, cast("Role", role), mail=False)
        link = setup_link(made.token)
    show({"email": made.email, "role": role, "link": link, "expiresAt": clock.iso(made.expires_at)}, as_json)


@operator.command("reset-factors")
@click.option("--email", required=True, help="The address they sign in with.")
@as_json
def reset_factors(email: str, as_json: bool) -> None:
    """Take the second factor off an operator who is locked out, and sign them out everywhere.

    From then on they sign in by password alone.
    """
    require_instance()
    with application():
        from msidp import db
        from msidp.communities.guard import default_community_id
        from msidp.operators import administration, service

        require_tables()
        who = actor(default_community_id())
        with db.transaction() as session:
            found = service.get_by_email(session, who.community_id, email)
            administration.reset_factors(session, who, found.id)
            row = {"id": found.id, "email": found.email}
    show(row, as_json)


@operator.command("reset-password")
@click.option("--email", required=True, help="The address they sign in with.")
@as_json
def reset_password(email: str, as_json: bool) -> None:
    """Print a one-time link with which an operator chooses a new password.

    A second factor is still asked for.
    """
    require_instance()
    with application():
        from msidp import clock, db
        from msidp.audit import service as audit
        from msidp.communities.guard import default_community_id
        from msidp.operators import resets, service
        from msidp.operators.links import reset_link

        require_tables()
        who = actor(default_community_id())
        with db.transaction() as session:
            found = service.get_by_email(session, who.community_id, email)
            issued = resets.issue(session, found.id)
            audit.record(session, who, "operator.password_reset_requested", found.id)
            row = {"id": found.id, "email": found.email}
        link = reset_link(issued.token)
    show({**row, "link": link, "expiresAt": clock.iso(issued.expires_at)}, as_json)


@operator.command("list")
@as_json
def list_operators(as_json: bool) -> None:
    """Print who runs the community, in which role, with a second factor or without."""
    with connect(None, None) as api:
        rows = call(api, "GET", "/operators")["data"]
    show_all(rows, as_json)


def print_first_link() -> None:
    """Where nobody runs the community yet: print the link that makes its first owner."""
    from msidp import db
    from msidp.communities import service as communities
    from msidp.operators import service
    from msidp.operators.links import setup_link

    with db.transaction() as session:
        made = service.invite_first(session, communities.ensure_default(session).id)
    if made:
        click.echo(f"set up the dashboard (once, within 3 days): {setup_link(made.token)}")
