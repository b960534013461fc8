"""Columns whose values are sealed in the database and plain in the program."""

import json
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from msidp.vault.fields import CannotOpen, cipher


class SealedJson(TypeDecorator[dict[str, Any]]):
    """A JSON object, encrypted. Needs an application context.

    Empty ones are not worth a seal. One that no secret key at hand opens reads as empty: it must not keep
    the rest of a list from being read.
    """

    impl = Text
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> str:
        return cipher().seal(json.dumps(value), self.context) if value else ""

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any]:
        if not value:
            return {}
        try:
            opened: dict[str, Any] = json.loads(cipher().open(value, self.context))
        except CannotOpen:
            return {}
        return opened
