"""`msidp operator`: who runs the community at the dashboard."""

import click

from msidp.cli.common import application, as_json, require_instance, require_tables, show


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
        from msidp.audit import service as audit
        from msidp.audit.service import Actor
        from msidp.communities import service as communities
        from msidp.errors import Problem
        from msidp.operators import service
        from msidp.operators.links import setup_link
        from msidp.operators.roles import Role

        require_tables()
        try:
            with db.transaction() as session:
                community_id = communities.ensure_default(session).id
                made = service.invite(session, community_id, email, cast("Role", role))
                who = Actor(community_id, "system", None)
                audit.record(session, who, "operator.invited", made.id, {"role": role})
        except Problem as problem:
            raise click.ClickException(problem.message) from None
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
        from msidp.audit import service as audit
        from msidp.audit.service import Actor
        from msidp.communities.guard import default_community_id
        from msidp.errors import Problem
        from msidp.operators import notices, service

        require_tables()
        community_id = default_community_id()
        try:
            with db.transaction() as session:
                found = service.find_by_email(session, community_id, email)
                if found is None:
                    raise click.ClickException("No operator has this address.")
                service.reset_factors(session, community_id, found.id)
                audit.record(session, Actor(community_id, "system", None), "operator.factors_reset", found.id)
                notices.tell(session, found, "factors_reset")
                row = {"id": found.id, "email": found.email}
        except Problem as problem:
            raise click.ClickException(problem.message) from None
    show(row, as_json)


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
