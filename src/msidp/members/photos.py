"""A member's photo: a picture of this site, which the claim `picture` names."""

from sqlalchemy.orm import Session

from msidp.images import service as images
from msidp.images.codec import Picture
from msidp.members import service
from msidp.members.models import Member


def change(session: Session, community_id: str, member_id: str, picture: Picture, base_url: str) -> Member:
    """Give the member another photo. Records member.updated (`profile.updated`). Raises NotFound."""
    url = keep(session, community_id, member_id, picture, base_url)
    return service.update_member(session, community_id, member_id, {"profile": {"picture": url}})


def remove(session: Session, community_id: str, member_id: str) -> Member:
    """Take the member's photo away, wherever it is. Records member.updated. Raises NotFound."""
    return service.update_member(session, community_id, member_id, {"profile": {"picture": None}})


def keep(session: Session, community_id: str, member_id: str, picture: Picture, base_url: str) -> str:
    """Keep a photo in place of the present one. Returns its address, for the claim `picture`."""
    return base_url + images.keep(session, community_id, member_id, picture)
