"""How long the tokens of a community's new applications work, unless these say otherwise. In seconds.

An application gets the values when it is made and keeps them: what changes here changes none that exists.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from msidp.communities.models import Community
from msidp.oidc import lifetimes

OURS = {
    "access_token_lifetime": lifetimes.ACCESS_TOKEN,
    "id_token_lifetime": lifetimes.ID_TOKEN,
    "refresh_token_lifetime": lifetimes.REFRESH_TOKEN,
}
_CHOSEN = select(*(getattr(Community, name) for name in OURS)).where(
    Community.id == bindparam("community_id")
)


def read(session: Session, community_id: str) -> dict[str, int]:
    """The lifetimes by the columns of an application: the community's, else msidp's."""
    chosen = session.execute(_CHOSEN, {"community_id": community_id}).one()._asdict()
    return {name: ours if chosen[name] is None else chosen[name] for name, ours in OURS.items()}


def change(session: Session, community_id: str, changes: Mapping[str, Any]) -> None:
    """Change what is given; None goes back to msidp's."""
    if changes:
        session.execute(update(Community).where(Community.id == community_id).values(**changes))
