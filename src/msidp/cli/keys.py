"""`msidp keys`: the signing keys, and their rotation."""

from typing import Any

import click

from msidp.cli.common import actor, application, as_json, require_instance, require_tables, show_all

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")


@click.group()
def keys() -> None:
    """The keys that sign tokens."""


@keys.command("list")
@as_json
def list_keys(as_json: bool) -> None:
    """Print the keys and what each does: next, active, retiring, retired."""
    require_instance()
    with application():
        require_tables()
        rows = _rows()
    show_all(rows, as_json)


@keys.command("rotate")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), help="This one's key alone.")
@click.option("--now", is_flag=True, help="Let the new key sign at once, not in a day.")
@click.option("--revoke", is_flag=True, help="And let the present keys verify nothing more: one has leaked.")
@as_json
def rotate_keys(algorithm: str | None, now: bool, revoke: bool, as_json: bool) -> None:
    """Let new keys follow the present ones.

    A new key is published at once and signs in a day; the present one is published until the last token
    it signed has expired. A rotation that is under way already is not begun anew.
    """
    require_instance()
    with application():
        from msidp.communities.guard import default_community_id
        from msidp.keys import rotation
        from msidp.keys.service import Rotation

        require_tables()
        manner = Rotation.REVOKING if revoke else Rotation.NOW if now else Rotation.OVERLAPPING
        rotation.rotate([algorithm] if algorithm else ALGORITHMS, manner, actor(default_community_id()))
        rows = _rows()
    show_all(rows, as_json)


def _rows() -> list[dict[str, Any]]:
    from msidp import clock, db
    from msidp.communities.guard import default_community_id
    from msidp.keys import service
    from msidp.keys.views import keys_json

    with db.reading() as session:
        return keys_json(service.known(session, default_community_id()), clock.now())
