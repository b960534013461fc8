"""What the Admin API takes and gives of a community's look."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from msidp.api import Answer, Name, Schema, Text, left_out
from msidp.branding import colours
from msidp.errors import Invalid
from msidp.images.codec import MAX_UPLOAD
from msidp.languages import Language


def _one_line(text: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise ValueError("must be one line, without control characters")
    return text


def _begins(*beginnings: str) -> AfterValidator:
    """What an address begins with, said in words: a pattern would say it to nobody."""

    def check(text: str) -> str:
        if not text.startswith(beginnings):
            raise ValueError(f"must begin with {' or '.join(beginnings)}")
        return text

    return AfterValidator(check)


def _colour(text: str) -> str:
    try:
        return colours.parse(text)
    except Invalid:
        raise ValueError("must be a colour as #3355d1") from None


Colour = Annotated[
    str,
    AfterValidator(_colour),
    Field(pattern=r"^#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})$", examples=["#3355d1"]),
]
Line = Annotated[Text, AfterValidator(_one_line), Field(max_length=200)]
Url = Annotated[
    Text,
    AfterValidator(_one_line),
    _begins("https://", "http://"),
    Field(pattern=r"^https?://[^\s/]\S*$", max_length=2000),
]
Contact = Annotated[
    Text,
    AfterValidator(_one_line),
    _begins("https://", "http://", "mailto:"),
    Field(pattern=r"^(https?://[^\s/]\S*|mailto:[^\s@]+@[^\s@]+)$", max_length=2000),
]
DataUrl = Annotated[
    str,
    Field(
        pattern=r"^data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2}$",
        max_length=MAX_UPLOAD * 4 // 3 + 100,
    ),
]


class BrandingChanges(Schema):
    """Only what is given changes; what is null goes."""

    name: Name = left_out()
    language: Annotated[Language, Field(description="Of pages and mails, where nothing else tells.")] = (
        left_out()
    )
    accent_color: Annotated[
        Colour | None,
        Field(description="Buttons have this colour; links a shade of it that can be read."),
    ] = left_out()
    logo: Annotated[
        DataUrl | None,
        Field(description="A PNG, JPEG or WebP as `data:` URL. What is kept is made anew of its pixels."),
    ] = left_out()
    welcome: Annotated[
        dict[Language, Line],
        Field(description="A line at the sign-in, by language; replaced as a whole."),
    ] = left_out()
    support_url: Annotated[Contact | None, Field(description="`https://…` or `mailto:…`")] = left_out()
    terms_url: Url | None = left_out()
    privacy_url: Url | None = left_out()


class BrandingAnswer(Answer):
    name: str
    language: str
    accent_color: str | None
    logo_url: str | None
    welcome: dict[str, str]
    support_url: str | None
    terms_url: str | None
    privacy_url: str | None
