"""The conventions of the Admin API: validation, the OpenAPI document, pages of lists, error shapes.

A route is declared with `@api.validate(json=…, query=…, resp=answers(…), tags=[…])`; the body or query
arrives as a validated model. JSON is camelCase outside and snake_case inside.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from flask import make_response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from spectree import Response, SpecTree
from spectree.models import InType, SecureType, SecurityScheme, SecuritySchemeData
from spectree.plugins.flask_plugin import FlaskPlugin
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from msidp import canonical, clock
from msidp.errors import Invalid

DEFAULT_PAGE = 50
MAX_PAGE = 100
Item = TypeVar("Item")


class Schema(BaseModel):
    """Base of every request and answer: camelCase, strict types, nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True, extra="forbid")


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


class PageQuery(BaseModel):
    """`first` (alias `limit`) items after the cursor `after`; numbers over 100 are clamped."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    first: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    after: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    order: Literal["ASC", "DESC"] = "ASC"

    @property
    def size(self) -> int:
        """How many items the page holds at most."""
        return min(self.first or self.limit or DEFAULT_PAGE, MAX_PAGE)


def _usable_text(value: str) -> str:
    canonical.check_text(value)
    return value


def _read_moment(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 moment with a zone, e.g. 2026-03-28T14:30:00Z")
    return clock.parse_iso(value)


Text = Annotated[str, AfterValidator(_usable_text)]
Name = Annotated[str, AfterValidator(_usable_text), Field(min_length=1, max_length=200)]
Moment = Annotated[int, BeforeValidator(_read_moment)]
JsonObject = dict[str, Any]


class _Plugin(FlaskPlugin):
    """SpecTree's Flask plugin, less its validation of answers: tests do that, not every request."""

    def validate_response(
        self,
        resp: Any,
        resp_model: Any,
        skip_validation: bool,
        force_resp_serialize: bool,
    ) -> tuple[Any, None]:
        return make_response(resp), None


def _refuse_invalid(_req: Any, _resp: Any, error: Exception | None, _instance: Any, _adapter: Any) -> None:
    """Turn pydantic's findings into our own error."""
    if not isinstance(error, ValidationError):
        return
    details = [
        {
            "field": ".".join(str(part) for part in found["loc"]),
            "message": found["msg"].removeprefix("Value error, "),
        }
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = details[0]
    where = f"{first['field']}: " if first["field"] else ""
    raise Invalid("invalid", f"{where}{first['message']}", details=details)


api = SpecTree(
    backend=_Plugin,
    before=_refuse_invalid,
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
        )
    ],
    security={"secretKey": []},
)


def answers(success: Any, *statuses: int, status: int = 200) -> Response:
    """The documented answers of a route: its success, 401 and 422 always, and the named errors."""
    codes = {f"HTTP_{code}": Error for code in (400, 401, 409, 413, 422, *statuses)}
    return Response(**{f"HTTP_{status}": success}, **codes)


def paginate(
    session: Session, model: Any, conditions: Sequence[ColumnElement[bool]], query: PageQuery
) -> tuple[list[Any], dict[str, Any]]:
    """One page of rows in order of `seq`, and the fields that frame it.

    Returns the rows and `{totalCount, endCursor, hasNextPage}`. The cursor of an empty page is the
    one that was asked for, or 0.
    """
    total = session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
    statement: Select[Any] = select(model).where(*conditions)
    if query.order == "ASC":
        statement = statement.order_by(model.seq)
        statement = statement.where(model.seq > query.after) if query.after is not None else statement
    else:
        statement = statement.order_by(model.seq.desc())
        statement = statement.where(model.seq < query.after) if query.after is not None else statement
    rows = list(session.scalars(statement.limit(query.size + 1)))
    page = rows[: query.size]
    cursor = page[-1].seq if page else query.after or 0
    return page, {"totalCount": total, "endCursor": cursor, "hasNextPage": len(rows) > len(page)}


def page_json(
    rows: Sequence[Any], frame: dict[str, Any], view: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """The body of a list answer."""
    return {**frame, "data": [view(row) for row in rows]}
