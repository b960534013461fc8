"""The profile form: OpenID standard claims (OpenID Connect Core 1.0, section 5.1) as members write them."""

import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self
from urllib.parse import urlsplit

from flask import request

from msidp.words import Words, words

_MAX = 200  # characters of one claim
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_BIRTHDATE = re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?")  # OpenID Connect Core 1.0, section 5.1


class _Wrong(Exception):
    """What was typed is no such claim; the text says what would be."""

    def __init__(self, text: Words) -> None:
        super().__init__(text)
        self.text = text


def _text(value: str) -> str:
    return value


def _birthdate(value: str) -> str:
    """A year, or a day of one that has been."""
    try:
        if not _BIRTHDATE.fullmatch(value):  # fromisoformat() takes weeks, and digits of every script
            raise ValueError
        found = date.fromisoformat(value if len(value) > 4 else f"{value}-01-01")
    except ValueError:
        raise _Wrong(words("Write the date as 1990-12-31, or the year alone.")) from None
    if not date(1850, 1, 1) <= found <= date.today():  # noqa: DTZ011  # anywhere on earth, give or take a day
        raise _Wrong(words("This cannot be a date of birth."))
    return value


def _website(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        good = good and not re.search(r"\s", value)
    except ValueError:
        good = False
    if not good:
        raise _Wrong(words("Write the whole address, beginning with https://."))
    return value


def _zoneinfo(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise _Wrong(words("Write a time zone as Europe/Berlin or America/New_York."))
    return value


def _locale(value: str) -> str:
    if not _LOCALE.fullmatch(value):
        raise _Wrong(words("Write a language as en, or en-GB."))
    return value


def _phone_number(value: str) -> str:
    plain = re.sub(r"[\s().\-/]", "", value)
    if not _PHONE.fullmatch(plain):
        raise _Wrong(words("Write the number with its country, beginning with +."))
    return plain


@dataclass(frozen=True, slots=True)
class Field:
    """One claim on the page. `attributes` are the input's, for browsers that fill forms in.

    `type` is the input's; `language` is a choice of those there are.
    """

    name: str
    label: str
    attributes: Mapping[str, str]
    read: Callable[[str], str] = _text
    hint: str | None = None
    type: str = "text"


NAMES = (
    Field("name", words("Full name"), {"autocomplete": "name"}),
    Field("given_name", words("First name"), {"autocomplete": "given-name"}),
    Field("middle_name", words("Middle name"), {"autocomplete": "additional-name"}),
    Field("family_name", words("Last name"), {"autocomplete": "family-name"}),
    Field("nickname", words("Nickname"), {"autocomplete": "nickname"}),
)
ABOUT = (
    Field("birthdate", words("Date of birth"), {"autocomplete": "bday"}, _birthdate, words("As 1990-12-31.")),
    Field("gender", words("Gender"), {"autocomplete": "sex"}),
    Field("website", words("Website"), {"autocomplete": "url", "inputmode": "url"}, _website),
    Field("locale", words("Language"), {"autocomplete": "language"}, _locale, type="language"),
    Field("zoneinfo", words("Time zone"), {"autocomplete": "off"}, _zoneinfo, words("As Europe/Berlin.")),
    Field(
        "phone_number",
        words("Phone number"),
        {"autocomplete": "tel"},
        _phone_number,
        words("With its country, from +."),
        "tel",
    ),
)
ADDRESS = (
    Field("street_address", words("Street and number"), {"autocomplete": "street-address"}),
    Field("postal_code", words("Postal code"), {"autocomplete": "postal-code"}),
    Field("locality", words("City"), {"autocomplete": "address-level2"}),
    Field("region", words("State or region"), {"autocomplete": "address-level1"}),
    Field("country", words("Country"), {"autocomplete": "country-name"}),
)
GROUPS = ((words("Name"), NAMES), (words("About you"), ABOUT), (words("Postal address"), ADDRESS))
_FIELDS = (*NAMES, *ABOUT, *ADDRESS)


@dataclass(frozen=True, slots=True)
class ProfileForm:
    """What was typed, by the claim's name; white space around and within it is evened out."""

    values: dict[str, str]

    @classmethod
    def sent(cls) -> Self:
        """The form of the present request."""
        return cls({field.name: " ".join(request.form.get(field.name, "").split()) for field in _FIELDS})

    @classmethod
    def of(cls, profile: Mapping[str, Any]) -> Self:
        """The form as the page first shows it."""
        flat = {**profile, **(profile.get("address") or {})}
        return cls({field.name: str(flat.get(field.name) or "") for field in _FIELDS})

    def echo(self) -> dict[str, Any]:
        """What the page shows again."""
        return {"values": self.values}

    def changes(self, profile: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """The claims that change, and messages for fields that cannot be so.

        What the member leaves as it stands is not looked at: an operator may have written it otherwise. A
        changed address loses the formatted form that somebody else gave it.
        """
        before = self.of(profile).values
        errors: dict[str, str] = {}
        changed: dict[str, str | None] = {}
        for field in _FIELDS:
            if self.values[field.name] != before[field.name]:
                try:
                    changed[field.name] = _read(field, self.values[field.name])
                except _Wrong as wrong:
                    errors[field.name] = wrong.text
        claims: dict[str, Any] = {name: value for name, value in changed.items() if name not in _ADDRESS}
        if _ADDRESS & changed.keys():
            whole = {name: before[name] for name in _ADDRESS} | {
                name: value for name, value in changed.items() if name in _ADDRESS
            }
            claims["address"] = {name: value for name, value in sorted(whole.items()) if value} or None
        return claims, errors


_ADDRESS = {field.name for field in ADDRESS}


def _read(field: Field, value: str) -> str | None:
    """The claim's value; None where the field was emptied. Raises _Wrong."""
    if not value:
        return None
    if len(value) > _MAX:
        raise _Wrong(words("At most %(limit)d characters.", limit=_MAX))
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
        raise _Wrong(words("This has a character that cannot be read."))
    return field.read(value)
