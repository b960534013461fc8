"""What the code calls fields and acts, in the words that people read."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.alias_generators import to_snake

from msidp import clock
from msidp.accounts.own.activity import methods_named

_IN_CAPITALS = re.compile(r"\b(api|csv|dpop|html|json|jwks|id|par|totp|ur[il])(?=s?\b)")
_OF_THE_CODE = ("action", "kind", "manner", "template")  # details whose values are names in the code
_MOMENTS = ("since", "until")


def in_words(name: str) -> str:
    """`redirectUris`, `redirect_uris` or `member.plan_added`: redirect URIs, member plan added."""
    plain = to_snake(name).replace("_", " ").replace(".", " ")
    return _IN_CAPITALS.sub(lambda found: found[0].upper(), plain)


def as_title(name: str) -> str:
    """The same, to begin a line with."""
    words = in_words(name)
    return words[:1].upper() + words[1:]


def told(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an entry of the audit log has to tell: labels, each with what was so."""
    return [(_label(name), _said(name, value)) for name, value in details.items()]


def _label(name: str) -> str:
    return "Changed" if name == "fields" else as_title(re.sub(r"(?<=.)(Id|_id)$", "", name))


def _said(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_each(name, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return in_words(value) if name in _OF_THE_CODE else value
    if isinstance(value, int) and name in _MOMENTS:
        return clock.iso(value)
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _each(name: str, values: list[Any]) -> Iterable[str]:
    if name == "methods":
        return methods_named(values)
    return (in_words(each) if name == "fields" else str(each) for each in values)
