"""A member's own change of password."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from flask import request
from sqlalchemy import update
from sqlalchemy.orm import Session

from msidp.accounts import strength
from msidp.accounts.mailed import tokens
from msidp.errors import Conflict, Invalid
from msidp.members.models import Member
from msidp.members.views import display_name
from msidp.vault import passwords
from msidp.words import words


@dataclass(frozen=True, slots=True)
class PasswordForm:
    """`current_password` (where there is one), `new_password`, and whether to sign out elsewhere."""

    current: str = field(repr=False)
    new: str = field(repr=False)
    end_others: bool
    has_password: bool

    @classmethod
    def sent(cls, *, has_password: bool) -> Self:
        """The form of the present request."""
        form = request.form
        current, new = form.get("current_password", ""), form.get("new_password", "")
        return cls(current, new, "end_others" in form, has_password)

    def errors(self, member: Member) -> dict[str, str]:
        """Messages by field; empty where the change can be tried."""
        found: dict[str, str] = {}
        if self.has_password and not self.current:
            found["current_password"] = words("Enter your present password.")  # a message
        try:
            strength.check_new(self.new, (member.email, display_name(member)))
        except Invalid as error:
            found["new_password"] = error.message if self.new else words("Choose a new password.")
        return found

    def echo(self) -> Mapping[str, object]:
        """What the page shows again: neither password."""
        return {"keep_others": not self.end_others}

    def hash(self) -> str:
        """The new password as it is stored. Raises Busy."""
        return passwords.hash_password(self.new)


def change(session: Session, member: Member, new_hash: str) -> None:
    """Set the password that takes the place of the one the member has proved. It is no event.

    What was mailed to set or to go around the old one ends. Raises Conflict where it was changed meanwhile.
    """
    changed = session.execute(
        update(Member)
        .where(Member.id == member.id, Member.password_hash.is_not_distinct_from(member.password_hash))
        .values(password_hash=new_hash)
        .returning(Member.id)
        .execution_options(synchronize_session=False)
    )
    if changed.one_or_none() is None:
        raise Conflict(
            "password-changed", words("Your password was changed elsewhere just now. Sign in again.")
        )
    tokens.revoke(session, member.id, tokens.RESET, tokens.SIGN_IN, tokens.CHANGE)
