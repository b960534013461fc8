"""How SpecTree reads requests here, says what is wrong with them, and names schemas."""

import re
from typing import Any

from flask import make_response
from pydantic import ValidationError
from spectree import SpecTree
from spectree.plugins.base import Context
from spectree.plugins.flask_plugin import FlaskPlugin
from spectree.utils import get_multidict_items

from msidp.errors import Invalid

MAX_DETAILS = 20  # of an error answer


class Plugin(FlaskPlugin):
    """SpecTree's Flask plugin with two differences.

    A body is JSON whatever its Content-Type says. Answers are validated by tests, not at every request.
    """

    def request_validation(
        self, request: Any, query: Any, json: Any, form: Any, headers: Any, cookies: Any
    ) -> None:
        validate = self.model_adapter.validate_obj
        request.context = Context(
            query=validate(query, get_multidict_items(request.args, query)) if query else None,
            json=validate(json, request.get_json()) if json else None,
            form=None,
            headers=None,
            cookies=None,
        )

    def validate_response(
        self,
        resp: Any,
        resp_model: Any,
        skip_validation: bool,
        force_resp_serialize: bool,
    ) -> tuple[Any, None]:
        return make_response(resp), None


def refuse_invalid(_req: Any, _resp: Any, error: Exception | None, _instance: Any, _adapter: Any) -> None:
    """Turn pydantic's findings into our own error."""
    if not isinstance(error, ValidationError):
        return
    details = reasons(error)
    first = details[0]
    where = f"{first['field']}: " if first["field"] else ""
    raise Invalid("invalid", f"{where}{first['message']}", details=details)


def reasons(error: ValidationError) -> list[dict[str, str]]:
    """What is wrong, field by field, in words."""
    return [
        {"field": ".".join(str(part) for part in found["loc"]), "message": _reason(found)}
        for found in error.errors(include_url=False)[:MAX_DETAILS]
    ]


def _reason(found: Any) -> str:
    """One of pydantic's findings in words. Of text, lengths are in characters, wherever they are checked."""
    if isinstance(found["input"], str) and found["type"] in ("too_short", "string_too_short"):
        least = found["ctx"]["min_length"]
        return "must not be empty" if least == 1 else f"must have at least {least} characters"
    if isinstance(found["input"], str) and found["type"] in ("too_long", "string_too_long"):
        return f"must have at most {found['ctx']['max_length']} characters"
    message: str = found["msg"]
    return message.removeprefix("Value error, ")


def schema_name(model: Any) -> str:
    """`Member`; `MemberData` and `MemberPage` for what carries it."""
    return re.sub(r"(\w+)\[(\w+)\]", r"\2\1", model.__name__)


def nested_schema_name(_parent: str, child: str) -> str:
    return child


class LateSchemas(SpecTree):
    """SpecTree that makes the models' JSON Schemas once the document is asked for.

    They take a third of a second, and most processes are never asked.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._later: dict[str, tuple[Any, Any]] = {}
        super().__init__(*args, **kwargs)

    def _add_model(self, model: Any, mode: Any = "validation") -> str:
        key: str = self.naming_strategy(model)
        self._later[key] = (model, mode)
        return key

    def _generate_spec(self) -> dict[str, Any]:
        for model, mode in self._later.values():
            super()._add_model(model, mode)
        return super()._generate_spec()
