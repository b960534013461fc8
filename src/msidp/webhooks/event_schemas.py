"""JSON Schemas that a community brings along: which are taken, and data checked against them.

A schema runs at every publication, so it is bounded before it is kept: in size, in what its references
amount to once they are followed, in its regular expressions (linear time alone: no look-around, no
back-references). It can reach nothing outside itself.

Nothing else runs in this process while data is checked, so that is bounded too: what a schema amounts to,
times what the data does. Of data that does not fit, everything that is wrong is told only where that is
little work: an error costs a thousand times what a check does.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from msidp import canonical
from msidp.errors import Invalid

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_LENGTH = 16_000  # characters of a schema as JSON
MAX_DEPTH = 20
MAX_EXPANDED = 1_000  # subschemas, each reference counted as what it stands for
MAX_DETAILS = 20  # of one refusal
MAX_DETAIL = 300  # characters of each, and of the field's name
MAX_WORK = 5_000_000  # subschemas times values: half a second
MAX_TOLD_WORK = 10_000  # the same where everything wrong is told
_CHARACTERS = 64  # of text that weigh as much as a value
_DEFINITIONS = "#/$defs/"
_REFUSED = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary", "definitions")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "additionalProperties", "propertyNames", "unevaluatedProperties", "items", "unevaluatedItems", "contains",
    "not", "if", "then", "else", "contentSchema",
)  # fmt: skip
_PATTERNS = RegexOptions(size_limit=1_000_000, dfa_size_limit=1_000_000)

Details = list[dict[str, Any]]


def check_schema(schema: dict[str, Any]) -> None:
    """Refuse a schema that is none, or more than one event's data is worth. Raises Invalid."""
    if len(canonical.dumps(schema)) > MAX_LENGTH:
        raise _refusal("schema", f"must have at most {MAX_LENGTH:,} characters as JSON")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise _refusal("schema.$schema", f"must be {DIALECT}, or left out")
    try:
        canonical.check(schema, MAX_DEPTH)
    except ValueError as error:
        raise _refusal("schema", f"is {error}") from None
    _Measure(schema).check()
    try:
        _compiled(canonical.dumps(schema))
    except ValidationError as error:
        field = ".".join(map(str, ["schema", *error.instance_path]))
        pattern = (
            " (linear time alone: no look-around, no back-references)" if "regex" in error.message else ""
        )
        raise _refusal(field, error.message + pattern) from None


class _Compiled(NamedTuple):
    """A schema that is ready to run, and how many subschemas it amounts to."""

    validator: Draft202012Validator
    size: int


def check_data(schema: Mapping[str, Any], data: Any, field: str = "data") -> None:
    """Refuse data that does not fit. Raises Invalid (`invalid`), and names what is wrong, not the values."""
    compiled = _compiled(canonical.dumps(schema))
    work = compiled.size * _amount(data)
    if work > MAX_WORK:
        raise _misfit([{"field": field, "message": "is more than its type's schema can be checked for"}])
    if compiled.validator.is_valid(data):
        return
    if work > MAX_TOLD_WORK:
        raise _misfit([{"field": field, "message": "does not fit the schema of its type"}])
    details: Details = []
    for found in compiled.validator.iter_errors(data):
        path = ".".join(map(str, [field, *found.instance_path]))
        details.append({"field": path[:MAX_DETAIL], "message": found.message[:MAX_DETAIL]})
        if len(details) == MAX_DETAILS:
            break
    raise _misfit(details)


def _misfit(details: Details) -> Invalid:
    return Invalid("invalid", f"{details[0]['field']}: {details[0]['message']}", details=details)


def _amount(data: Any) -> int:
    """How many values there are in the data, long text counted as several. Commas in text count as well."""
    text = canonical.dumps(data)
    return 1 + sum(map(text.count, ",[{")) + len(text) // _CHARACTERS


@lru_cache(maxsize=256)
def _compiled(text: str) -> _Compiled:
    """Compiled once. Nothing is fetched, no value is quoted."""
    schema = canonical.loads(text)
    validator = Draft202012Validator(schema, mask="the value", pattern_options=_PATTERNS, offline=True)
    return _Compiled(validator, _Measure(schema).total())


class _Measure:
    """Counts the subschemas that a validator may have to visit, references followed."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        found = schema.get("$defs", {})
        self._definitions: dict[str, Any] = found if isinstance(found, dict) else {}
        self._sizes: dict[str, int] = {}

    def check(self) -> None:
        """Raises Invalid for references that lead outside, in a circle or to too much."""
        for name in self._definitions:
            self._definition(name, ())
        if self.total() > MAX_EXPANDED:
            raise _refusal("schema", f"comes to more than {MAX_EXPANDED:,} subschemas")

    def total(self) -> int:
        """How many there are, as far as MAX_EXPANDED and one more. Raises Invalid likewise."""
        return self._size(self._schema, (), top=True)

    def _definition(self, name: str, path: tuple[str, ...]) -> int:
        if name in path:
            raise _refusal("schema", f"$defs.{name} refers to itself; an event's data has no such depth")
        if name not in self._sizes:
            self._sizes[name] = self._size(self._definitions[name], (*path, name))
        return self._sizes[name]

    def _size(self, schema: Any, path: tuple[str, ...], *, top: bool = False) -> int:
        if not isinstance(schema, dict):
            return 1  # true, false, or what the meta-schema refuses
        for keyword in _REFUSED:
            if keyword in schema:
                raise _refusal("schema", f"{keyword} is not taken; use $defs and $ref")
        if "$defs" in schema and not top:
            raise _refusal("schema", "$defs belong to the top of the schema")
        size = 1 + sum(self._size(part, path) for part in _parts(schema))
        if "$ref" in schema:
            size += self._referred(schema["$ref"], path)
        return min(size, MAX_EXPANDED + 1)

    def _referred(self, reference: Any, path: tuple[str, ...]) -> int:
        name = reference.removeprefix(_DEFINITIONS) if isinstance(reference, str) else ""
        if name == reference or name not in self._definitions:
            raise _refusal("schema", "a $ref leads to a definition of this schema: #/$defs/<name>")
        return self._definition(name, path)


def _parts(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas directly inside a schema, its definitions aside."""
    for keyword in _NAMED:
        if isinstance(schema.get(keyword), dict):
            yield from schema[keyword].values()
    for keyword in _LISTS:
        if isinstance(schema.get(keyword), list):
            yield from schema[keyword]
    yield from (schema[keyword] for keyword in _SINGLE if keyword in schema)


def _refusal(field: str, reason: str) -> Invalid:
    details = [{"field": field, "message": reason}]
    return Invalid("invalid-schema", f"{field}: {reason}", details=details)
