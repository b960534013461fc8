"""A community's look: what it is, and how it changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from msidp import clock, languages
from msidp.branding import colours
from msidp.branding.colours import Shades
from msidp.branding.models import Branding
from msidp.communities import service as communities
from msidp.communities.models import Community
from msidp.db import lock
from msidp.images import service as images
from msidp.images.codec import Picture
from msidp.images.models import StoredImage

_LOOK = (
    select(Community.name, Community.language, Branding, StoredImage)
    .outerjoin(Branding, Branding.community_id == Community.id)
    .outerjoin(StoredImage, StoredImage.owner_id == Community.id)
    .where(Community.id == bindparam("community_id"))
)


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo: its address, and its size in pixels."""

    url: str
    width: int
    height: int

    @classmethod
    def of(cls, picture: Picture) -> "Logo":
        """A logo that is not kept."""
        return cls(picture.data_url, picture.width, picture.height)


@dataclass(frozen=True, slots=True)
class Brand:
    """A community as its pages show it."""

    name: str
    language: str = languages.SOURCE  # of pages and mails, where nothing else tells
    accent_color: str | None = None
    logo: Logo | None = None
    welcome: Mapping[str, str] = field(default_factory=dict)  # by language
    support_url: str | None = None
    terms_url: str | None = None
    privacy_url: str | None = None

    @property
    def initial(self) -> str:
        """The letter in the mark beside the name."""
        return next((character for character in self.name if character.isalnum()), "·")

    @property
    def stylesheet(self) -> str | None:
        """Where the colour's stylesheet is; None where the pages' own colours are meant."""
        return self.accent_color and colours.stylesheet_path(self.accent_color)

    @property
    def on_paper(self) -> Shades:
        """The colour for a mail, which is light."""
        return colours.shades(self.accent_color or colours.DEFAULT, colours.LIGHT)

    def greeting(self, language: str) -> str | None:
        """The welcome in this language, else in the community's, else in whichever there is."""
        texts = self.welcome
        return texts.get(language) or texts.get(self.language) or next(iter(texts.values()), None)


class Changes(TypedDict, total=False):
    """What change() takes. What is left out stays as it is; None takes away."""

    name: str
    language: str
    accent_color: str | None
    welcome: Mapping[str, str]  # replaced
    support_url: str | None
    terms_url: str | None
    privacy_url: str | None
    logo: Picture | None


def read(session: Session, community_id: str) -> Brand:
    """The community's look."""
    row = session.execute(_LOOK, {"community_id": community_id}).one()
    name, language = row[0], row[1]
    chosen: Branding | None = row[2]
    image: StoredImage | None = row[3]
    logo = None
    if image is not None:
        logo = Logo(images.path_of(image.id, image.media_type), image.width, image.height)
    texts = {} if chosen is None else {field: getattr(chosen, field) for field in _FIELDS}
    return Brand(name=name, language=language, logo=logo, **texts)


def change(session: Session, community_id: str, changes: Changes) -> None:
    """Change the community's look."""
    lock(session, f"branding {community_id}")  # of two first changes at once, the later finds the row
    if "name" in changes:
        communities.rename(session, community_id, changes["name"])
    if "language" in changes:
        communities.speak(session, community_id, changes["language"])
    if "logo" in changes:
        _change_logo(session, community_id, changes["logo"])
    values: dict[str, Any] = {name: value for name, value in changes.items() if name in _FIELDS}
    if "welcome" in values:
        values["welcome"] = {language: text for language, text in changes["welcome"].items() if text}
    if not values:
        return
    chosen = session.get(Branding, community_id)
    if chosen is None:
        chosen = Branding(community_id=community_id, welcome={})
        session.add(chosen)
    for name, value in values.items():
        setattr(chosen, name, value)
    chosen.updated_at = clock.now()
    session.flush()


_FIELDS = ("accent_color", "welcome", "support_url", "terms_url", "privacy_url")


def _change_logo(session: Session, community_id: str, logo: Picture | None) -> None:
    if logo is None:
        images.discard(session, community_id)
    else:
        images.keep(session, community_id, community_id, logo)
