"""What was sent as an image is decoded, and what is kept is encoded anew from its pixels.

So nothing of the file survives but its look: no place and camera (EXIF), no second life as a script or an
archive. SVG, which can hold scripts, is not read.
"""

import base64
import binascii
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from msidp.errors import Busy, Invalid
from msidp.words import words

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 20_000_000  # of what is sent; decoded that is 80 MB
MAX_LOGO = 10_000  # bytes of a logo: a page with it stays within 30 kB
LOGO_BOX = (600, 120)  # pixels; pages show it at half that size
PHOTO_SIDE = 256  # pixels of a photo, which is square
MAX_UPLOAD = 900_000  # bytes

_PATIENCE = 5.0  # seconds to wait for one's turn
_COLOURS = (256, 128, 64, 32)
_TOO_MANY_PIXELS = words(
    "The image has more than %(limit)s million pixels.", limit=str(MAX_PIXELS // 1_000_000)
)
_UNREADABLE = words("This is no image that can be read. Send a PNG, JPEG or WebP.")
_turn = threading.Semaphore(1)  # decoding takes memory: one at a time in each process


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that was encoded here."""

    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def data_url(self) -> str:
        """The image as an address of its own (RFC 2397)."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


def logo(upload: bytes) -> Picture:
    """A PNG of at most MAX_LOGO bytes that fits into LOGO_BOX; what is see-through stays so.

    Raises Invalid (`invalid-image`), Busy.
    """
    return _made(upload, _logo)


def photo(upload: bytes) -> Picture:
    """A square JPEG of the middle, upright, on white. Raises Invalid (`invalid-image`), Busy."""
    return _made(upload, _photo)


def from_data_url(url: str) -> bytes:
    """The content of a base64 `data:` URL, whatever type it claims. Raises Invalid (`invalid-image`)."""
    head, comma, encoded = url.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64") and comma):
        raise _invalid("Send the image as data:image/png;base64,…")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("The image is not base64.") from None


def _made(upload: bytes, encode: Callable[[Image.Image], Picture]) -> Picture:
    if len(upload) > MAX_UPLOAD:
        raise _invalid(words("The image is larger than %(limit)s kB.", limit=str(MAX_UPLOAD // 1000)))
    with _one_at_a_time(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own, about what is refused here anyway
        try:
            with Image.open(BytesIO(upload), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _invalid(_TOO_MANY_PIXELS)
                return encode(image)
        except Invalid:
            raise
        except Exception:  # noqa: BLE001  # whatever a decoder runs into, the file is at fault
            raise _invalid(_UNREADABLE) from None


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _turn.acquire(timeout=_PATIENCE):
        raise Busy("busy", words("Too many images are being read at this moment. Try again."))
    try:
        yield
    finally:
        _turn.release()


def _logo(image: Image.Image) -> Picture:
    image.draft("RGB", LOGO_BOX)
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    upright = upright.crop(upright.getchannel("A").getbbox())  # Pillow's crop(None) takes all of it
    width, height = LOGO_BOX
    while True:
        upright.thumbnail((width, height), Image.Resampling.LANCZOS)
        for colours in (None, *_COLOURS):
            content = _png(upright, colours)
            if len(content) <= MAX_LOGO:
                return Picture(content, "image/png", *upright.size)
        width, height = width * 3 // 4, height * 3 // 4


def _png(image: Image.Image, colours: int | None) -> bytes:
    made = image if colours is None else image.quantize(colours, Image.Quantize.FASTOCTREE)
    return _bytes(_bare(made), "PNG", optimize=True)


def _photo(image: Image.Image) -> Picture:
    image.draft("RGB", (PHOTO_SIDE * 2, PHOTO_SIDE * 2))
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    square = ImageOps.fit(upright, (PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    ground = Image.new("RGB", square.size, "white")
    ground.paste(square, mask=square)
    return Picture(_bytes(ground, "JPEG", quality=85, optimize=True), "image/jpeg", PHOTO_SIDE, PHOTO_SIDE)


def _bare(image: Image.Image) -> Image.Image:
    """The pixels, without what Pillow would carry along (profiles, texts)."""
    image.info = {}
    return image


def _bytes(image: Image.Image, format_: str, **options: object) -> bytes:
    output = BytesIO()
    image.save(output, format_, **options)
    return output.getvalue()


def _invalid(message: str) -> Invalid:
    return Invalid("invalid-image", message)
