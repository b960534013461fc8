"""The forms of mailed flows as they were sent."""

from dataclasses import dataclass, field
from typing import Self

from flask import request

from msidp.accounts import strength
from msidp.accounts.pages import invalid
from msidp.errors import Invalid
from msidp.members.emails import Email, normalise
from msidp.words import words

_MAX_ECHO = 320
_MAX_CODE = 40


@dataclass(frozen=True, slots=True)
class AddressForm:
    """`email` as sent."""

    email: str

    @classmethod
    def sent(cls) -> Self:
        """The form of the present request."""
        return cls(request.form.get("email", "").strip())

    def address(self) -> Email:
        """The address. Raises Invalid."""
        try:
            return normalise(self.email)
        except Invalid as error:
            raise invalid(
                {"email": error.message if self.email else words("Enter your email address.")}
            ) from None

    def echo(self) -> dict[str, str]:
        """What the page shows again."""
        return {"email": self.email[:_MAX_ECHO]}


@dataclass(frozen=True, slots=True)
class CodeForm:
    """`code` as sent."""

    code: str = field(repr=False)

    @classmethod
    def sent(cls) -> Self:
        """The form of the present request."""
        return cls(request.form.get("code", "").strip()[:_MAX_CODE])

    def check(self) -> None:
        """Raises Invalid where there is nothing to try."""
        if not self.code:
            raise invalid({"code": words("Enter the code from the mail.")})

    def echo(self) -> dict[str, str]:
        """Nothing is shown again."""
        return {}


@dataclass(frozen=True, slots=True)
class PasswordForm:
    """A new `password` as sent."""

    password: str = field(repr=False)

    @classmethod
    def sent(cls) -> Self:
        """The form of the present request."""
        return cls(request.form.get("password", ""))

    def check(self, *known: str) -> None:
        """Raises Invalid for a password that cannot be, or is easily guessed by who knows these words."""
        try:
            strength.check_new(self.password, known)
        except Invalid as error:
            raise invalid(
                {"password": error.message if self.password else words("Choose a password.")}
            ) from None

    def echo(self) -> dict[str, str]:
        """Nothing is shown again."""
        return {}
