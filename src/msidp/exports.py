"""Whole lists as files, sent while they are read: CSV for spreadsheets, JSON lines for programs.

A file is written by a few hundred rows at a time, each read in a short transaction of its own. The pieces
need no request: whoever serves them may do so in another thread, for as long as the reader takes.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import structlog
from flask import Flask, Response, request
from pydantic import Field
from sqlalchemy import ColumnElement
from sqlalchemy.sql.base import ExecutableOption

from msidp import canonical, clock, walk
from msidp.api import Query
from msidp.db import reading
from msidp.present import present_app
from msidp.web import STREAMED

BATCH = 100  # rows
BROKEN_OFF = "The export broke off here."
Format = Literal["csv", "jsonl"]
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/jsonl; charset=utf-8",
}
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")  # what a spreadsheet would run, and what was quoted for it

log = structlog.get_logger(__name__)


class ExportQuery(Query):
    format: Annotated[Format, Field(description="A line of JSON each, or CSV for spreadsheets.")] = "jsonl"


@dataclass(frozen=True, slots=True)
class Export:
    """A list that can be taken along. `view` is a row as JSON; `columns` are those of the CSV, by the path
    of what they show: `actor.type`.
    """

    name: str
    model: Any
    view: Callable[[Any], Mapping[str, Any]]
    columns: Sequence[str]
    options: Sequence[ExecutableOption] = ()


def answer(export: Export, conditions: Sequence[ColumnElement[bool]], form: Format) -> Response:
    """The file, oldest rows first, as an answer that is sent while it is written."""
    app = present_app()
    day = datetime.fromtimestamp(clock.now() / clock.SECOND, UTC).strftime("%Y-%m-%d")
    headers = {"Content-Disposition": f'attachment; filename="{export.name}-{day}.{form}"'}
    if request.method != "GET":
        return Response(headers=headers, content_type=MEDIA_TYPES[form])
    request.environ[STREAMED] = True
    return Response(_guarded(app, export, conditions, form), content_type=MEDIA_TYPES[form], headers=headers)


def write(
    app: Flask, export: Export, conditions: Sequence[ColumnElement[bool]], form: Format
) -> Iterator[str]:
    """The pieces of the file."""
    if form == "csv":
        yield "\ufeff" + _line(export.columns)
    for rows in _batches(app, export, conditions):
        if form == "csv":
            yield "".join(_line([_at(row, path) for path in export.columns]) for row in rows)
        else:
            yield "".join(canonical.dumps(row) + "\n" for row in rows)


def safe_cell(value: Any) -> str:
    """A value as the cell of a CSV that no spreadsheet takes for a formula: `'` stands before those.

    Full-width signs count: East Asian spreadsheets read them as the others.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    text = value if isinstance(value, str) else canonical.dumps(value)
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """What safe_cell() was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _guarded(
    app: Flask, export: Export, conditions: Sequence[ColumnElement[bool]], form: Format
) -> Iterator[str]:
    """The pieces. The status has gone out: where they end early, the file itself has to say so."""
    try:
        yield from write(app, export, conditions, form)
    except Exception:
        log.exception("an export broke off", export=export.name)
        yield _line([BROKEN_OFF]) if form == "csv" else canonical.dumps({"error": BROKEN_OFF}) + "\n"


def _batches(
    app: Flask, export: Export, conditions: Sequence[ColumnElement[bool]]
) -> Iterator[list[Mapping[str, Any]]]:
    after = 0
    with app.app_context(), reading() as session:
        until = walk.last(session, export.model)
    while after < until:
        with app.app_context(), reading() as session:
            rows, after = walk.step(
                session,
                export.model,
                conditions,
                after=after,
                until=until,
                limit=BATCH,
                options=export.options,
            )
            views = [export.view(row) for row in rows]
        if views:
            yield views


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([safe_cell(cell) for cell in cells])
    return text.getvalue()


def _at(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
