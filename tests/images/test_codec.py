"""What is sent as an image: decoded, encoded anew, and refused where it is something else."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from PIL import Image

from msidp.errors import Busy, Invalid
from msidp.images import codec

SCRIPT = b"<script>alert(document.domain)</script>"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    output = BytesIO()
    image.save(output, kind, **options)
    return output.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 100).convert("RGB")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG by hand, which may claim what it does not hold."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def pixels(size: int) -> bytes:
    return chunk(b"IDAT", zlib.compress(b"\0" * size, 9))


def jpeg_with_place() -> bytes:
    """A photo that lies on its side, and says where and by what it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010F] = "Camera maker"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    image = Image.new("RGB", (400, 200), "red")
    image.paste("blue", (200, 0, 400, 200))
    return encoded(image, "JPEG", exif=exif, comment=SCRIPT)


SOUND = [encoded(noise(40, 20), kind) for kind in codec.FORMATS]
HOSTILE = {
    "nothing": b"",
    "text": b"hello",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "gif": encoded(Image.new("RGB", (2, 2)), "GIF"),
    "tiff": encoded(Image.new("RGB", (2, 2)), "TIFF"),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    "cut": encoded(noise(50, 50))[:900],
    "claims a billion pixels": png(65_500, 65_500, pixels(1000)),
    "holds too many pixels": png(8000, 8000, pixels(8000 * 24_001)),
    "no pixels": png(10, 10),
    "text that unpacks to 200 MB": png(
        10, 10, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 200_000_000, 1)), pixels(310)
    ),
    "profile that unpacks to 200 MB": png(
        10, 10, chunk(b"iCCP", b"k\0\0" + zlib.compress(b"x" * 200_000_000, 1))
    ),
    "a billion pixels as JPEG": encoded(Image.new("L", (60_000, 1)), "JPEG").replace(
        struct.pack(">HH", 1, 60_000), struct.pack(">HH", 60_000, 60_000), 1
    ),
    "more than a request holds": b"\x89PNG\r\n\x1a\n" + bytes(codec.MAX_UPLOAD),
}


@pytest.mark.parametrize("make", [codec.logo, codec.photo])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_good_image_is_refused(name: str, make: Callable[[bytes], codec.Picture]) -> None:
    with pytest.raises(Invalid) as refusal:
        make(HOSTILE[name])
    assert refusal.value.code == "invalid-image"


@effort(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_sent_is_a_picture_or_refused(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SOUND)))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = codec.photo(bytes(content))
    except Invalid:
        return
    assert Image.open(BytesIO(picture.content)).size == (256, 256)


@pytest.mark.parametrize("kind", codec.FORMATS)
@pytest.mark.parametrize("make", [codec.logo, codec.photo])
def test_nothing_survives_but_the_look(kind: str, make: Callable[[bytes], codec.Picture]) -> None:
    polyglot = encoded(noise(300, 300), kind) + b"PK\x03\x04" + SCRIPT
    for upload in (polyglot, jpeg_with_place()):
        picture = make(upload)
        image = Image.open(BytesIO(picture.content))
        assert image.format == ("PNG" if make is codec.logo else "JPEG")
        assert (image.size, Image.MIME[image.format]) == (
            (picture.width, picture.height),
            picture.media_type,
        )
        assert not image.getexif()
        assert not {"comment", "icc_profile", "exif"} & image.info.keys()
        for trace in (SCRIPT, b"Camera", b"PK\x03\x04", b"Exif"):
            assert trace not in picture.content


def test_a_photo_is_upright_and_its_middle() -> None:
    image = Image.open(BytesIO(codec.photo(jpeg_with_place()).content))
    assert image.size == (256, 256)
    top, bottom = image.getpixel((128, 20)), image.getpixel((128, 235))
    assert top[0] > 200 > 60 > top[2]
    assert bottom[2] > 200 > 60 > bottom[0]


def test_a_see_through_photo_lies_on_white() -> None:
    image = Image.open(BytesIO(codec.photo(encoded(Image.new("RGBA", (9, 9)), "WEBP")).content))
    assert min(image.getpixel((100, 100))) > 250


@pytest.mark.parametrize("size", [(1, 1), (5000, 3), (3, 5000), (900, 280), (440, 500)])
def test_a_logo_fits_and_is_small(size: tuple[int, int]) -> None:
    picture = codec.logo(encoded(noise(*size)))
    assert picture.width <= codec.LOGO_BOX[0]
    assert picture.height <= codec.LOGO_BOX[1]
    assert len(picture.content) <= codec.MAX_LOGO


def test_a_logo_stays_see_through_and_loses_its_margin() -> None:
    image = Image.new("RGBA", (200, 100))
    image.paste((255, 0, 0, 255), (50, 25, 100, 75))
    picture = codec.logo(encoded(image))
    assert (picture.width, picture.height) == (50, 50)
    assert Image.open(BytesIO(codec.logo(encoded(Image.new("RGBA", (60, 60)))).content)).mode in "RGBA"


def test_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_PATIENCE", 0.01)
    with codec._one_at_a_time(), pytest.raises(Busy):
        codec.photo(encoded(noise(10, 10)))
    assert codec.photo(encoded(noise(10, 10)))


@pytest.mark.parametrize(
    "url", ["", "data:image/png;base64", "data:image/png,abc", "data:;base64,%%%", "http://x"]
)
def test_what_is_no_data_url(url: str) -> None:
    with pytest.raises(Invalid):
        codec.from_data_url(url)


def test_a_data_url_and_back() -> None:
    picture = codec.logo(encoded(noise(20, 20)))
    assert codec.from_data_url(picture.data_url) == picture.content
