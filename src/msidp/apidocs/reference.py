"""The OpenAPI document, arranged for a page: groups of operations, tables of fields, types in words."""

from dataclasses import dataclass
from typing import Any

_REFERENCE = "#/components/schemas/"
_LIMITS = {
    "minimum": "from {}",
    "maximum": "up to {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "matches {}",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a type: text, and the schema it links to, if any."""

    text: str
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: list[Part]
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Part] | None
    answers: list[tuple[str, str, list[Part]]]  # status, meaning, type


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    operations: list[Operation]


def groups(document: dict[str, Any]) -> list[Group]:
    """The operations under their tags, in the order of the tags."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found[operation["tags"][0]].append(_operation(method, path, operation))
    return [Group(name, operations) for name, operations in found.items()]


def schemas(document: dict[str, Any]) -> list[tuple[str, str, list[Field]]]:
    """Name, description and fields of each schema."""
    return [
        (name, schema.get("description", ""), _fields(schema))
        for name, schema in document["components"]["schemas"].items()
    ]


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        parameters=[
            Field(
                name=parameter["name"],
                type=_type(parameter["schema"]),
                required=parameter["required"],
                description=parameter["description"],
            )
            for parameter in operation["parameters"]
        ],
        body=_type(content["application/json"]["schema"]) if content else None,
        answers=[
            (status, answer["description"], _content_type(answer))
            for status, answer in operation["responses"].items()
        ],
    )


def _content_type(answer: dict[str, Any]) -> list[Part]:
    for media_type in answer.get("content", {}).values():
        return _type(media_type["schema"])
    return []


def _fields(schema: dict[str, Any]) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, _type(field), name in required, field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def _type(schema: dict[str, Any]) -> list[Part]:
    """A schema in words: `array of Plan or null, at most 50`."""
    limits = [text.format(schema[name]) for name, text in _LIMITS.items() if name in schema]
    return [*_bare_type(schema), *([Part(", " + ", ".join(limits))] if limits else [])]


def _bare_type(schema: dict[str, Any]) -> list[Part]:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return [Part(name, name)]
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return [Part(" | ".join(f'"{value}"' for value in values))]
    if "anyOf" in schema:
        parts = [_type(choice) for choice in schema["anyOf"]]
        return [
            part for index, words in enumerate(parts) for part in ([Part(" or ")] if index else []) + words
        ]
    if schema.get("type") == "array":
        return [Part("array of "), *_type(schema.get("items", {}))]
    return [Part(schema.get("type", "any JSON value"))]
