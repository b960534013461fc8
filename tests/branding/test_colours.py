"""Whatever the colour, what is written in it can be read."""

import re

import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from msidp.branding import colours
from msidp.branding.colours import DARK, LIGHT, contrast
from msidp.errors import Invalid

TEXTS = {False: ("#161a22", "#565e6c"), True: ("#eceef3", "#a3abba")}  # ink and quiet of pages.css
COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize("surfaces", [LIGHT, DARK], ids=["light", "dark"])
@effort(max_examples=150, deadline=None)
@example("#000000")
@example("#ffffff")
@example("#ffff00")
@example("#0000ff")
@example("#777777")
@example("#767676")
@given(colour=COLOURS)
def test_every_text_can_be_read(surfaces: colours.Surfaces, colour: str) -> None:
    shades = colours.shades(colour, surfaces)
    behind = (surfaces.card, surfaces.ground, shades.wash, shades.glow)
    for text in (shades.accent, shades.accent_strong, *TEXTS[surfaces.dark]):
        assert min(contrast(text, surface) for surface in behind) >= 4.5, (text, shades)
    for fill in (shades.fill, shades.fill_strong):
        assert contrast(shades.on_fill, fill) >= 4.5
    assert max(contrast(shades.edge, surfaces.card), contrast(shades.fill, surfaces.card)) >= 3


def test_a_readable_colour_stays_as_it_is() -> None:
    assert colours.shades("#3355d1", LIGHT).fill == colours.shades("#3355d1", LIGHT).accent == "#3355d1"
    assert colours.shades("#ffd400", LIGHT).fill == "#ffd400"
    assert contrast("#000000", "#ffffff") == 21


def test_the_surfaces_are_those_of_the_pages() -> None:
    from pathlib import Path

    import msidp

    sheet = (Path(msidp.__file__).parent / "static" / "pages.css").read_text()
    light, dark = sheet.split("@media (prefers-color-scheme: dark)", 1)
    for part, surfaces in ((light, LIGHT), (dark, DARK)):
        values = dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]{3,6});", part))
        shown = {name: colours.parse(values[name]) for name in ("card", "ground", "ink", "quiet")}
        assert shown == {
            "card": surfaces.card,
            "ground": surfaces.ground,
            "ink": TEXTS[surfaces.dark][0],
            "quiet": TEXTS[surfaces.dark][1],
        }
        assert set(re.findall(r"--([\w-]+):", colours.stylesheet("#123456"))) - {"fill-edge"} <= set(
            re.findall(r"--([\w-]+):", light)
        )


@pytest.mark.parametrize("text", ["", "red", "#12345", "#1234567", "rgb(0,0,0)", "#12345g", "#١٢٣٤٥٦"])
def test_what_is_no_colour(text: str) -> None:
    with pytest.raises(Invalid):
        colours.parse(text)


def test_short_colours() -> None:
    assert colours.parse(" #FA0 ") == colours.parse("fa0") == "#ffaa00"
