"""The conventions of the Admin API: validation, the OpenAPI document, pages of lists, error shapes.

A route is declared with `@api.validate(json=…, query=…, resp=answers(…), tags=[…])`; the body or query
arrives as a validated model. JSON is camelCase outside and snake_case inside.
"""

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    model_validator,
)
from pydantic.alias_generators import to_camel
from spectree import Response
from spectree.models import InType, SecureType, SecurityScheme, SecuritySchemeData
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from msidp import canonical, clock, walk
from msidp.validation import LateSchemas, Plugin, nested_schema_name, refuse_invalid, schema_name

DEFAULT_PAGE = 50
MAX_PAGE = 100
MAX_DEPTH = 32  # of a member's own objects; an event wraps them further (canonical's limit is 100)
Item = TypeVar("Item")


class Schema(BaseModel):
    """Base of every request: camelCase, strict types, nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True, extra="forbid")


def left_out() -> Any:
    """The default of a field that a PATCH may leave out. It shows in no schema."""
    return Field(default_factory=lambda: None)


def given(body: Schema) -> dict[str, Any]:
    """What a PATCH gave, by the names of the fields."""
    return body.model_dump(include=body.model_fields_set)


class Answer(BaseModel):
    """Base of what is documented as an answer."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class ErrorDetail(Answer):
    field: str
    message: str


class Error(Answer):
    """Every error answer."""

    code: str
    message: str
    details: list[ErrorDetail] | None = None


class Data(Answer, Generic[Item]):
    """Every success that carries one thing."""

    data: Item


class Page(Answer, Generic[Item]):
    """Every list."""

    total_count: int
    end_cursor: int
    has_next_page: bool
    data: list[Item]


class Deleted(Answer):
    """What was removed."""

    id: str


class Query(BaseModel):
    """Base of every query string: camelCase; a parameter without a value counts as left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value != ""}


class PageQuery(Query):
    """`first` (alias `limit`) items after the cursor `after`; numbers over 100 are clamped."""

    first: Annotated[int, Field(ge=1, description="How many: 50 by default, 100 at most.")] | None = None
    limit: Annotated[int, Field(ge=1, description="The same as `first`.")] | None = None
    after: Annotated[int, Field(ge=0, lt=2**63, description="The `endCursor` of the page before.")] | None = (
        None
    )
    order: Annotated[Literal["ASC", "DESC"], Field(description="By creation: oldest or newest first.")] = (
        "ASC"
    )

    @property
    def size(self) -> int:
        """How many items the page holds at most."""
        return min(self.first or self.limit or DEFAULT_PAGE, MAX_PAGE)


def _usable_text(value: str) -> str:
    canonical.check_text(value)
    return value


def _storable(value: Any) -> Any:
    """The value as it comes back from the database: numbers in JavaScript's precision."""
    canonical.check(value, MAX_DEPTH)
    return json.loads(canonical.dumps(value))


def _read_moment(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 moment with a zone, e.g. 2026-03-28T14:30:00Z")
    return clock.parse_iso(value)


Text = Annotated[str, AfterValidator(_usable_text)]
Name = Annotated[str, AfterValidator(_usable_text), Field(min_length=1, max_length=200)]
Moment = Annotated[int, BeforeValidator(_read_moment)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
JsonValue = Annotated[Any, AfterValidator(_storable)]


class PlainText(RootModel[Literal["OK"]]):
    """The text `OK`, not JSON: what Memberstack's own client expects of some calls."""


class Lines(RootModel[str]):
    """A file: lines of JSON, or CSV, as was asked for."""


api = LateSchemas(
    backend=Plugin,
    before=refuse_invalid,
    naming_strategy=schema_name,
    nested_naming_strategy=nested_schema_name,
    title="msidp Admin API",
    version="1",
    mode="strict",
    annotations=True,
    validation_error_status=422,
    validation_error_model=Error,
    security_schemes=[
        SecurityScheme(
            name="secretKey",
            data=SecuritySchemeData(type=SecureType.API_KEY, name="X-API-KEY", field_in=InType.HEADER),
        ),
        SecurityScheme(
            name="publicKey",
            data=SecuritySchemeData(type=SecureType.API_KEY, name="X-API-KEY", field_in=InType.HEADER),
        ),
        SecurityScheme(
            name="memberToken",
            data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer", bearer_format="JWT"),
        ),
    ],
    security={"secretKey": []},
)


def answers(success: Any, *statuses: int, status: int = 200) -> Response:
    """The documented answers of a route: its success, 401 and 422 always, and the named errors.

    What the reading of a body can answer (400, 413) is added where there is one, by `msidp.apidocs`.
    """
    codes = {f"HTTP_{code}": Error for code in (401, 422, *statuses)}
    return Response(**{f"HTTP_{status}": success}, **codes)


def paginate(
    session: Session,
    model: Any,
    conditions: Sequence[ColumnElement[bool]],
    query: PageQuery,
    options: Sequence[ExecutableOption] = (),
    count_by: Sequence[ColumnElement[bool]] | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """One page of rows in order of `seq`, and the fields that frame it.

    `options` say what to load along; `count_by` finds the same rows where another way counts them faster.
    Returns the rows and `{totalCount, endCursor, hasNextPage}`. The
    cursor of an empty page is the one that was asked for, or 0.
    """
    counted = conditions if count_by is None else count_by
    total = session.scalar(select(func.count()).select_from(model).where(*counted)) or 0
    newest = query.order == "DESC"
    wanted = [*conditions]
    if query.after is not None:
        wanted.append(model.seq < query.after if newest else model.seq > query.after)
    rows = walk.first(session, model, wanted, newest=newest, limit=query.size + 1, options=options)
    page = rows[: query.size]
    cursor = page[-1].seq if page else query.after or 0
    return page, {"totalCount": total, "endCursor": cursor, "hasNextPage": len(rows) > len(page)}


def page_json(
    rows: Sequence[Any], frame: dict[str, Any], view: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """The body of a list answer."""
    return {**frame, "data": [view(row) for row in rows]}
