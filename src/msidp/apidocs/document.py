"""The OpenAPI 3.1 document: what SpecTree gathers from the routes, and what holds for all of them.

Operations that name no security of their own are the Admin API's.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from importlib.metadata import version
from typing import Any

from flask import Flask
from pydantic.alias_generators import to_camel

from msidp.api import api
from msidp.incoming import MAX_BODY

_REFERENCE = "#/components/schemas/"
_PARAMETER = re.compile(r"{(\w+)}")
_INTRODUCTION = (
    "Every request carries a secret key in the header `X-API-KEY`, but those of the Client API, which "
    "browsers call with the public key and a member's token. A success is `{data: …}`, but that "
    "add-plan and remove-plan answer the text `OK`; an error is `{code, message, details?}`. "
    "Lists come in pages: `first`, `after`, `order`."
)
_TAGS = (
    "members",
    "plans",
    "applications",
    "webhooks",
    "deliveries",
    "events",
    "branding",
    "keys",
    "operators",
    "jobs",
    "audit log",
    "client API",
)
_ANSWERS = {
    "200": "Done.",
    "400": "The request cannot be read: broken JSON, an unusable header or token.",
    "401": "The key is missing, unknown or revoked; of the Client API also: nobody is logged in.",
    "403": "The key is good, but not an owner's; of the Client API: this log-in is not enough.",
    "404": "There is no such thing.",
    "409": "It conflicts with what is there; `code` says how.",
    "413": f"The body is larger than {MAX_BODY:,} bytes.",
    "429": "Too many of these within a minute; `Retry-After` says when to come back.",
    "422": "The request can be read, but its values cannot be used; `details` says which.",
    "503": "Too much of this is under way: try again.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a repetition of this request, within a day, be answered and not done again. "
    "The same key with another request is refused: 422 `idempotency-key-reused`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_REPLAYED = {
    "description": "Present where this answers a repetition.",
    "schema": {"type": "string", "enum": ["true"]},
}
_ERROR = {"application/json": {"schema": {"$ref": f"{_REFERENCE}Error"}}}


def build(app: Flask, base_url: str) -> dict[str, Any]:
    """The document of this application's APIs. Needs the application's context."""
    document: dict[str, Any] = deepcopy(api.spec)
    endpoints = _endpoints(app)
    document["info"] |= {"version": version("msidp"), "description": _INTRODUCTION}
    document["tags"].sort(key=lambda tag: _TAGS.index(tag["name"]))
    document["servers"] = [{"url": base_url}]
    document["paths"] = {
        _PARAMETER.sub(lambda match: f"{{{to_camel(match[1])}}}", path): {
            method: _operation(method, operation, endpoints[path, method])
            for method, operation in operations.items()
        }
        for path, operations in sorted(document["paths"].items())
    }
    _keep_used_schemas(document)
    return document


def _endpoints(app: Flask) -> dict[tuple[str, str], str]:
    """The endpoint behind each path and method, as SpecTree writes paths."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _operation(method: str, operation: dict[str, Any], endpoint: str) -> dict[str, Any]:
    responses = operation["responses"]
    if method == "post" and "security" not in operation:  # of the Admin API
        operation["parameters"].append(_IDEMPOTENCY_KEY)
        responses["200"]["headers"] = {"Idempotent-Replayed": _REPLAYED}
    if method == "post" or "requestBody" in operation:
        responses |= {"400": {"content": _ERROR}, "413": {"content": _ERROR}}
    elif not any(parameter["in"] == "query" for parameter in operation["parameters"]):
        del responses["422"]  # SpecTree adds it everywhere
    for response in responses.values():
        _mark_texts(response)
    return {
        **operation,
        "operationId": endpoint,
        "parameters": [_parameter(parameter) for parameter in operation["parameters"]],
        "responses": {
            status: {**response, "description": _ANSWERS[status]}
            for status, response in sorted(responses.items())
        },
    }


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter is text that can be left out, where a field of a model can be null."""
    schema = dict(parameter["schema"])
    choices = [choice for choice in schema.pop("anyOf", ()) if choice.get("type") != "null"]
    for choice in choices:
        schema |= choice
    if schema.get("default", ...) is None:
        del schema["default"]
    name, description = parameter["name"], schema.pop("description", "") or parameter["description"]
    if parameter["in"] == "path":
        description = description or f"The {name.removesuffix('_id').replace('_', ' ')}'s id."
        name = to_camel(name)
    return {**parameter, "name": name, "description": description, "schema": _untitled(schema)}


def _untitled(schema: Any) -> Any:
    """The schema without the titles that pydantic makes of the fields' names."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _untitled(value) for name, value in schema.items() if name not in ("title", "properties")}
    if "properties" in schema:
        kept["properties"] = {name: _untitled(field) for name, field in schema["properties"].items()}
    return kept


def _mark_texts(response: dict[str, Any]) -> None:
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema == {"$ref": f"{_REFERENCE}PlainText"}:
        response["content"] = {"text/plain": {"schema": {"type": "string", "enum": ["OK"]}}}
    if schema == {"$ref": f"{_REFERENCE}Lines"}:
        text = {"schema": {"type": "string"}}
        response["content"] = {"application/jsonl": text, "text/csv": text}


def _keep_used_schemas(document: dict[str, Any]) -> None:
    """Drop the schemas that nothing refers to: those of query strings, whose fields are parameters."""
    schemas = document["components"]["schemas"]
    used: set[str] = set()
    waiting = list(_references(document["paths"]))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _references(schemas[name])
    document["components"]["schemas"] = {name: _untitled(schemas[name]) for name in sorted(used)}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_REFERENCE)
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
