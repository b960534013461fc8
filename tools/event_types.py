"""Writes docs/event-types.md from the catalogue: `make docs`. A test sees that the page is current."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msidp.webhooks.catalogue import DIALECTS, TYPES, EventType
from msidp.webhooks.examples import EXAMPLES

PAGE = Path(__file__).parent.parent / "docs" / "event-types.md"
_HEAD = """\
# Event types

<!-- Made from the catalogue by `make docs`. Change src/msidp/webhooks/catalogue.py or examples.py, not this page. -->

Every type an endpoint can subscribe to, the fields of its data, and the body of a delivery in each dialect that knows
it. Programs read the same from `GET /event-types`, JSON Schemas included. [webhooks.md](webhooks.md) tells how
deliveries are signed, retried and verified.

A body may gain fields. Fields in **bold** are always there.
"""
_GROUPS = (
    (
        "Raised by msidp",
        "msidp records these in the transaction of the change; `POST /events` refuses them (422).",
        False,
    ),
    (
        "Published by your applications",
        "What happens outside msidp: publish it with `POST /events`. `memberId` is the member's id here.",
        True,
    ),
)
_TAIL = """\
## Types of your own

Register a type, and `POST /events` takes it; endpoints of the `standard` dialect hear it (the vocabularies of the other
two are fixed):

    curl -X POST https://id.example.com/event-types -H "X-API-KEY: sk_…" -H "Content-Type: application/json" \\
      -d '{"name": "invoice.paid", "description": "An invoice was paid", "schema": {"type": "object",
           "properties": {"invoiceId": {"type": "string"}, "memberId": {"type": "string"}}, "required": ["invoiceId"]},
           "example": {"invoiceId": "2026-117"}}'

- A name is `<thing>[.<part>].<what happened>` in lower case, 100 characters at most; `member.*` and `subscription.*` are
  msidp's own. A community has 200 types of its own at most.
- `schema` is a JSON Schema (2020-12) of `data`: 16,000 characters and 20 levels at most, `$ref` to `#/$defs/<name>` alone
  and in no circle, regular expressions without look-around and back-references. `{}` takes any object. The more a schema
  asks, the less data is taken: the subschemas it comes to, times the values of the data, are 5,000,000 at most.
- `memberId`, where there is one, is always a member's id (`mem_…`). Its form is checked, not whether there is such a member.
- `GET`, `PATCH` and `DELETE /event-types/{name}`. One that a webhook names among its events cannot be removed (409
  `event-type-in-use`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "| type | | " + " | ".join(f"`{dialect}`" for dialect in DIALECTS) + " |"
    yield "|---" * (2 + len(DIALECTS)) + "|"
    for each in TYPES.values():
        known = ["✓" if dialect in each.dialects else "–" for dialect in DIALECTS]
        yield f"| [`{each.name}`](#{_anchor(each.name)}) | {each.description} | {' | '.join(known)} |"
    for title, words, published in _GROUPS:
        yield f"\n## {title}\n\n{words}"
        for each in TYPES.values():
            if each.published == published:
                yield from _section(each)
    yield ""
    yield _TAIL.rstrip()
    yield ""


def _section(each: EventType) -> Iterator[str]:
    yield f"\n### {each.name}\n\n{each.description}.\n"
    yield ", ".join(_fields(each.schema)) + "."
    for dialect in DIALECTS:
        if dialect in each.dialects:
            yield f"\n`{dialect}`:\n\n```json"
            yield json.dumps(EXAMPLES[each.name][dialect], indent=2, ensure_ascii=False)
            yield "```"


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        shown = f"**`{name}`**" if name in required else f"`{name}`"
        yield f"{shown} ({_kind(field)})"


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(map(str, field["enum"]))
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    text = " or ".join(kinds)
    if field.get("format") == "date-time":
        text = text.replace("string", "ISO 8601 moment")
    return "`mem_…` id" if "pattern" in field else text


def _anchor(name: str) -> str:
    """As GitHub makes one of a heading."""
    return name.replace(".", "")


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE} written\n")
