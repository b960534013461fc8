"""Pictures as they are kept: each owner has one."""

import hashlib
import re

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.db import lock
from msidp.images.codec import Picture
from msidp.images.models import StoredImage
from msidp.statements import insert_new

_ADDRESS = re.compile(r"/images/([0-9a-f]{32})\.(?:png|jpg)$")
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}


def keep(session: Session, community_id: str, owner_id: str, picture: Picture) -> str:
    """Keep a picture in place of the owner's present one. Returns its path on this site.

    The path holds a hash of owner and content: another picture has another one, and two owners' pictures
    come and go apart.
    """
    digest = hashlib.sha256(f"{owner_id}\n".encode() + picture.content).hexdigest()[:32]
    values = {
        "id": digest,
        "community_id": community_id,
        "owner_id": owner_id,
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "content": picture.content,
        "created_at": clock.now(),
    }
    lock(session, f"image {owner_id}")  # of two at once, the later must see the other's to take its place
    insert_new(session, StoredImage, values, unique=("id",))
    discard(session, owner_id, but=digest)
    return path_of(digest, picture.media_type)


def discard(session: Session, owner_id: str, *, but: str | None = None) -> None:
    """Forget the owner's pictures, `but` the one with this id."""
    session.connection().execute(
        delete(StoredImage).where(StoredImage.owner_id == owner_id, StoredImage.id != (but or ""))
    )


def find(session: Session, id_: str) -> tuple[bytes, str] | None:
    """The content and media type of the picture with this id."""
    found = session.execute(
        select(StoredImage.content, StoredImage.media_type).where(StoredImage.id == id_)
    ).one_or_none()
    return None if found is None else (found.content, found.media_type)


def path_of(id_: str, media_type: str) -> str:
    """Where a picture is shown."""
    return f"/images/{id_}{_SUFFIXES[media_type]}"


def id_in(url: str | None) -> str | None:
    """The id of the picture that an address on this site shows."""
    found = _ADDRESS.search(url or "")
    return found.group(1) if found else None
