"""The log-in and sign-up forms as they were sent, and what is wrong with them."""

import unicodedata
from dataclasses import dataclass, field
from typing import Self

from flask import request

from msidp.accounts import strength
from msidp.errors import Invalid
from msidp.members.emails import normalise
from msidp.words import words

_MAX_ECHO = 320  # characters of a field that come back in the page
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class LoginForm:
    """`email` and `password` as sent."""

    email: str
    password: str = field(repr=False)

    @classmethod
    def sent(cls) -> Self:
        """The form of the present request."""
        return cls(_text("email").strip(), _text("password"))

    def errors(self) -> dict[str, str]:
        """Messages by field; empty where the form can be tried."""
        found: dict[str, str] = {}
        if not self.email:
            found["email"] = words("Enter your email address.")
        if not self.password:
            found["password"] = words("Enter your password.")  # a message
        return found

    def echo(self) -> dict[str, str]:
        """What the page shows again. Never the password."""
        return {"email": self.email[:_MAX_ECHO]}


@dataclass(frozen=True, slots=True)
class SignupForm(LoginForm):
    """The same, and an optional `name`."""

    name: str = ""

    @classmethod
    def sent(cls) -> Self:
        return cls(_text("email").strip(), _text("password"), " ".join(_text("name").split()))

    def errors(self) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            normalise(self.email)
        except Invalid as error:
            found["email"] = error.message if self.email else words("Enter your email address.")
        try:
            strength.check_new(self.password, (self.email, self.name))
        except Invalid as error:
            found["password"] = error.message if self.password else words("Choose a password.")
        if not _is_name(self.name):
            found["name"] = words(
                "A name has at most %(limit)d characters, and no control characters.", limit=_MAX_NAME
            )
        return found

    def echo(self) -> dict[str, str]:
        return {"email": self.email[:_MAX_ECHO], "name": self.name[:_MAX_ECHO]}


def _text(name: str) -> str:
    return request.form.get(name, "")


def _is_name(text: str) -> bool:
    """Whether it can be a name: no control characters; joiners and the like belong to some scripts."""
    return len(text) <= _MAX_NAME and not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text)
