"""A community's colour made readable: shades of it with enough contrast, on light pages and on dark ones.

Contrast is WCAG 2.2's (1.4.3): 4.5 between a text and what is behind it. Shades keep the hue and change the
lightness of OKLCH, in which equal steps look equal.
"""

import hashlib
import math
import re
from dataclasses import dataclass
from functools import lru_cache

from msidp.errors import Invalid

DEFAULT = "#3355d1"  # of the pages, and of mails
ENOUGH = 4.5
VISIBLE = 3.0  # of a button against the page (WCAG 2.2, 1.4.11)
_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_STEP = 0.01  # of lightness, which goes from 0 to 1

Rgb = tuple[float, float, float]  # each from 0 to 1


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The colours of pages.css that a text in the community's colour may stand on, and its dark and light."""

    card: str
    ground: str
    dark: bool


LIGHT = Surfaces(card="#ffffff", ground="#f4f5f8", dark=False)
DARK = Surfaces(card="#171a21", ground="#0e1015", dark=True)
_INK, _PAPER = "#10142a", "#ffffff"  # the texts that a button may have


@dataclass(frozen=True, slots=True)
class Shades:
    """What becomes of a colour on these surfaces. All are `#rrggbb`.

    `fill` is the colour itself, with `edge` around it where it could not be told from the page.
    """

    fill: str
    fill_strong: str  # under the pointer
    on_fill: str
    edge: str
    accent: str  # links, and what has the focus
    accent_strong: str
    wash: str
    glow: str


def parse(text: str) -> str:
    """A colour as `#rrggbb`. Raises Invalid."""
    found = _HEX.fullmatch(text.strip())
    if found is None:
        raise Invalid("invalid", "accentColor: write the colour as #3355d1")
    digits = found.group(1).lower()
    return f"#{digits if len(digits) == 6 else ''.join(digit * 2 for digit in digits)}"


@lru_cache(maxsize=64)
def shades(colour: str, surfaces: Surfaces) -> Shades:
    """The shades of a colour (`#rrggbb`) on these surfaces."""
    share = 0.16 if surfaces.dark else 0.09
    wash, glow = _mixed(colour, surfaces.card, share), _mixed(colour, surfaces.ground, share)
    behind = (surfaces.card, surfaces.ground, wash, glow)
    accent = _readable(colour, behind, lighter=surfaces.dark)
    on_fill = max((_PAPER, _INK), key=lambda text: contrast(text, colour))
    fill = _readable(colour, (on_fill,), lighter=on_fill == _INK)  # of the middle greys, neither is enough
    return Shades(
        fill=fill,
        fill_strong=_shifted(fill, 0.07 if on_fill == _INK else -0.07),
        on_fill=on_fill,
        edge=fill if contrast(fill, surfaces.card) >= VISIBLE else accent,
        accent=accent,
        accent_strong=_shifted(accent, 0.08 if surfaces.dark else -0.08),
        wash=wash,
        glow=glow,
    )


def stylesheet(colour: str) -> str:
    """The colour as a stylesheet that follows pages.css."""
    light, dark = (_rules(shades(colour, surfaces)) for surfaces in (LIGHT, DARK))
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def stylesheet_path(colour: str) -> str:
    """Where the stylesheet of a colour is shown, with a hash of its content: it may be kept for ever."""
    return f"/branding/{colour[1:]}.css?v={version(colour)}"


@lru_cache(maxsize=64)
def version(colour: str) -> str:
    """A hash of the colour's stylesheet."""
    return hashlib.sha256(stylesheet(colour).encode()).hexdigest()[:12]


def contrast(one: str, other: str) -> float:
    """How much two colours differ, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _rules(shades: Shades) -> str:
    values = {
        "fill": shades.fill,
        "fill-strong": shades.fill_strong,
        "on-fill": shades.on_fill,
        "fill-edge": shades.edge,
        "accent": shades.accent,
        "accent-strong": shades.accent_strong,
        "wash": shades.wash,
        "glow": shades.glow,
    }
    return ";".join(f"--{name}:{value}" for name, value in values.items())


def _readable(colour: str, behind: tuple[str, ...], *, lighter: bool) -> str:
    """The nearest shade that can be read on all of these."""
    steps = 0
    while min(contrast(found := _shifted(colour, steps * _STEP), surface) for surface in behind) < ENOUGH:
        steps += 1 if lighter else -1
    return found


def _shifted(colour: str, by: float) -> str:
    """The colour, lighter or darker. At the ends of the scale it is white or black."""
    if not by:
        return colour
    lightness, a, b = _to_oklab(_linear(colour))
    wanted = min(max(lightness + by, 0.0), 1.0)
    if wanted in (0.0, 1.0):
        return "#ffffff" if wanted else "#000000"
    return _hex(_from_oklab((wanted, a, b)))


def _mixed(colour: str, ground: str, share: float) -> str:
    parts = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{round(255 * (one * share + other * (1 - share))):02x}" for one, other in parts)


def _channels(colour: str) -> Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _linear(colour: str) -> Rgb:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    )
    return red, green, blue


def _hex(linear: Rgb) -> str:
    """The colour as text; what a screen cannot show is cut off channel by channel."""
    inside = [min(max(channel, 0.0), 1.0) for channel in linear]
    gamma = [
        channel * 12.92 if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
        for channel in inside
    ]
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in gamma)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _to_oklab(linear: Rgb) -> Rgb:
    """The matrices are those of Björn Ottosson's OKLab."""
    red, green, blue = linear
    long, medium, short = (
        math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue),
        math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue),
        math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue),
    )
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lab: Rgb) -> Rgb:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
