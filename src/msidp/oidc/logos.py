"""Applications' logos, shown from our own origin.

A page of ours makes no request to another site, which would learn who is about to sign in there. The logo
is read past the guard for outgoing requests, kept for a day, and is an image of a kind that runs nothing.
"""

import threading
from dataclasses import dataclass

import structlog
from flask import Blueprint, Flask, Response, current_app

from msidp import clock
from msidp.errors import NotFound
from msidp.oidc.clients import clients
from msidp.outbound.fetch import FetchFailed, fetch

MAX_SIZE = 100_000  # bytes
MAX_KEPT = 100
MAX_FETCHES = 2  # at once: whoever asks meanwhile goes without, and no thread waits
FRESH = clock.DAY
RETRY = 5 * clock.MINUTE

_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}

bp = Blueprint("logos", __name__)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Logo:
    """An image and its media type; no content where the last attempt failed."""

    content: bytes
    media_type: str
    read_at: int

    @property
    def is_fresh(self) -> bool:
        """Whether to go without asking again."""
        return 0 <= clock.now() - self.read_at < (FRESH if self.content else RETRY)


class Logos:
    """The logos that were shown lately, by URL. Threads share it."""

    def __init__(self) -> None:
        self._kept: dict[str, Logo] = {}
        self._turns = threading.Semaphore(MAX_FETCHES)

    def find(self, url: str) -> Logo | None:
        """The logo at this URL; None where there is none to be had at this moment."""
        kept = self._kept.get(url)
        if (kept is None or not kept.is_fresh) and self._turns.acquire(blocking=False):
            try:
                kept = self._read(url)
            finally:
                self._turns.release()
        return kept if kept is not None and kept.content else None

    def _read(self, url: str) -> Logo:
        try:
            content = fetch(url, accept="image/png, image/jpeg, image/gif, image/webp", max_body=MAX_SIZE)
            logo = Logo(content, media_type(content), clock.now())
        except FetchFailed as error:
            log.warning("a logo cannot be read", url=url, reason=str(error))
            logo = Logo(b"", "", clock.now())
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[url] = logo
        return logo


def init_app(app: Flask) -> None:
    """Give the application its logos."""
    app.extensions["msidp_logos"] = Logos()


def media_type(content: bytes) -> str:
    """What kind of image this is, by its first bytes. Raises FetchFailed for all else, SVG included."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    for beginning, found in _BEGINNINGS.items():
        if content.startswith(beginning):
            return found
    raise FetchFailed("neither PNG, JPEG, GIF nor WebP")


@bp.get("/logos/<client_id>")
def show(client_id: str) -> Response:
    """The logo of an application."""
    client = clients().find(client_id)
    logos: Logos = current_app.extensions["msidp_logos"]
    logo = logos.find(client.logo_uri) if client and client.logo_uri else None
    if logo is None:
        raise NotFound("logo-not-found", "There is no logo to show.")
    response = Response(logo.content, mimetype=logo.media_type)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
