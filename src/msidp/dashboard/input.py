"""What forms say, checked by the schemas of the Admin API: one set of rules."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from msidp import canonical, clock
from msidp.accounts import strength
from msidp.api import Name, Schema
from msidp.errors import Invalid
from msidp.validation import reasons
from msidp.vault import passwords

Model = TypeVar("Model", bound=Schema)
_LONGEST_NUMBER = 9  # digits
_NAME: TypeAdapter[str] = TypeAdapter(Name)


def checked(model: type[Model], fields: Mapping[str, Any]) -> Model:
    """The fields (by their names in JSON) as this schema reads them. Raises Invalid."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        raise Invalid("invalid", "Please check what you entered.", details=reasons(error)) from None


def name_of(form: Mapping[str, str]) -> str:
    """The field `name`. Raises Invalid."""
    try:
        return _NAME.validate_python(form.get("name", "").strip())
    except ValidationError as error:
        details = [{"field": "name", "message": found["message"]} for found in reasons(error)]
        raise Invalid("invalid", "Please check what you entered.", details=details) from None


def confirmed(form: Mapping[str, str], name: str) -> None:
    """Whether the name of what goes was typed. Raises Invalid."""
    if form.get("confirm", "").strip() != name:
        message = f"Type “{name}” to confirm."
        raise Invalid("not-confirmed", message, details=[{"field": "confirm", "message": message}])


def lines_of(form: Mapping[str, str], field: str) -> list[str]:
    """A field with one thing a line."""
    return [line.strip() for line in form.get(field, "").splitlines() if line.strip()]


def numbers_of(form: Mapping[str, str], fields: Iterable[str]) -> dict[str, int | str | None]:
    """Fields that hold whole numbers, by their names in JSON; None for an empty one.

    What is no number stays text, which the schema refuses.
    """
    found: dict[str, int | str | None] = {}
    for field in fields:
        text = form.get(field, "").strip()
        is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
        found[to_camel(field)] = int(text) if is_number else text or None
    return found


def moment_of(given: Mapping[str, str], field: str) -> int | None:
    """A moment in ISO 8601, in UTC where it names no zone; None for anything else."""
    text = given.get(field, "").strip()
    try:
        moment = datetime.fromisoformat(text)
        found = round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * clock.SECOND)
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found <= clock.LAST else None


def json_of(form: Mapping[str, str], field: str, default: Any) -> Any:
    """A field that holds JSON; an empty one is `default`. Raises Invalid."""
    text = form.get(field, "").strip()
    if not text:
        return default
    try:
        return canonical.loads(text.encode())
    except ValueError as error:
        message = f"This is not JSON: {error}."
        raise Invalid(
            "invalid", "Please check what you entered.", details=[{"field": field, "message": message}]
        ) from None


def pretty(value: Any) -> str:
    """JSON for a person to read and edit."""
    return json.dumps(value, indent=2, ensure_ascii=False)


class Named(Protocol):
    """Whom a password is for; it may not be made of these."""

    @property
    def email(self) -> str: ...
    @property
    def name(self) -> str: ...


def new_password(form: Mapping[str, str], who: Named) -> str:
    """The hash of the password that was chosen. Raises Invalid, Busy."""
    new = form.get("password", "")
    try:
        strength.check_new(new, (who.email, who.name))
        return passwords.hash_password(new)
    except Invalid as problem:
        details = [{"field": "password", "message": problem.message}]
        raise Invalid(problem.code, problem.message, details=details) from None
