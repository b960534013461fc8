"""The languages that members are spoken to in, and what is written differently in each.

The source of every text is English; the other languages are gettext catalogues in `translations`, which
`make messages` keeps (docs/languages.md says how to add one).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from babel import dates
from babel.support import NullTranslations, Translations

from msidp import clock
from msidp.words import Words

SOURCE = "en"
NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}  # each in itself
LANGUAGES = tuple(NAMES)
Language = Literal["en", "de", "fr", "es"]  # NAMES, as the Admin API's schemas need it
DIRECTORY = Path(__file__).parent / "translations"

_MAX_TAGS = 20  # of a list that somebody sends
_MAX_TAG = 35  # characters (RFC 5646, section 4.4.1)
_FORMATS = {"en": "en_150"}  # days before months, as everywhere but in one country


class Catalogue(Protocol):
    """What translates: Babel's translations."""

    def ugettext(self, message: str) -> str:
        """The message in its language."""

    def ungettext(self, one: str, many: str, num: int) -> str:
        """The message about so many."""


def best(tags: Iterable[str]) -> str | None:
    """The first language wished for that there is; None where there is none of them.

    `tags` are language tags in order of preference, of whatever form; each is cut back until there is a
    language of that name (RFC 4647, section 3.4).
    """
    for number, tag in enumerate(tags):
        if number == _MAX_TAGS:
            return None
        parts = tag.casefold().replace("_", "-").split("-") if len(tag) <= _MAX_TAG else []
        while parts:
            if (found := "-".join(parts)) in NAMES:
                return found
            parts.pop()
    return None


@cache
def catalogue(language: str) -> NullTranslations:
    """The texts of a language. English has none: they are the source."""
    return Translations.load(DIRECTORY, [language])


def say(text: str, texts: Catalogue) -> str:
    """The text in a catalogue's language, if it is Words; any other stays what it is."""
    if not isinstance(text, Words):
        return text
    if text.plural is None:
        found = texts.ugettext(text.sentence)
    else:
        found = texts.ungettext(text.sentence, text.plural, int(str(text.values["num"])))
    values = {
        name: say(value, texts) if isinstance(value, Words) else value for name, value in text.values.items()
    }
    return found % values if values else found


def day(moment: int, language: str) -> str:
    """The day of a moment (UTC): `22 November 2026`, `22. November 2026`, `22 de noviembre de 2026`."""
    return dates.format_date(_at(moment, None), "long", locale=_FORMATS.get(language, language))


def minute(moment: int, language: str, zone: str | None = None) -> str:
    """A moment, with its time zone: `22 November 2026, 06:40 UTC`. UTC unless `zone` is a known one."""
    place, there = _FORMATS.get(language, language), _at(moment, zone)
    name = dates.get_timezone_name(there, width="short", locale=place) if there.tzinfo is not UTC else "UTC"
    return f"{dates.format_date(there, 'long', locale=place)}, {there:%H:%M} {name}"


def _at(moment: int, zone: str | None) -> datetime:
    try:
        known = ZoneInfo(zone) if zone else UTC
    except (KeyError, ValueError, OSError):  # a name of nothing, of no form, of a folder
        known = UTC
    return datetime.fromtimestamp(clock.seconds(moment), known)
