"""What the Admin API takes and gives of a community's own mail texts."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, RootModel

from msidp.api import Answer, Schema, Text

Template = Literal[  # texts.PARTS
    "verify_email", "reset_password", "sign_in", "sign_up", "change_email",
    "reset_password_code", "sign_in_code", "sign_up_code",
]  # fmt: skip


def _printable(text: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") and letter not in "\r\n" for letter in text):
        raise ValueError("must be without control characters")
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("must be one line")
    return text


Subject = Annotated[
    Text, AfterValidator(_printable), AfterValidator(_one_line), Field(min_length=1, max_length=150)
]
Body = Annotated[Text, AfterValidator(_printable), Field(min_length=1, max_length=4000)]


class MailTextBody(Schema):
    """A mail's words. `{community}` and `{email}` may stand in them; see docs/branding.md."""

    subject: Annotated[Subject, Field(examples=["Welcome to {community}"])]
    body: Annotated[
        Body,
        Field(
            description="Each line is a paragraph; `{button}` (at the sign-in `{code}` too) on its own line.",
            examples=["Nice to have you, {email}.\n{button}"],
        ),
    ]


class MailTextAnswer(Answer):
    template: str
    language: str
    subject: str
    body: str
    updated_at: str


class MailTexts(RootModel[list[MailTextAnswer]]):
    """All that a community has; at most one for each mail and language."""
