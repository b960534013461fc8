"""What the Admin API takes and gives for plans."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from msidp.api import Answer, Name, Schema, Text, left_out

Priority = Annotated[
    int,
    Field(
        ge=-(2**31),
        lt=2**31,
        description="For your own use, such as the order of a price list; 0 by default.",
    ),
]
_AMOUNT = "In the currency's main unit: 9.99 in `usd` is 9 dollars and 99 cents."
Status = Literal["ACTIVE", "ARCHIVED"]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class IntervalInput(Schema):
    type: Annotated[Literal["DAY", "WEEK", "MONTH", "YEAR"], BeforeValidator(_upper)]
    count: Annotated[int, Field(ge=1, le=1000)] = 1


class PriceInput(Schema):
    """A price. A subscription without an interval is monthly; with one, that is what it is by default."""

    id: Annotated[Text | None, Field(description="Keeps this price of the plan (PATCH only).")] = None
    name: Name | None = None
    amount: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False, description=_AMOUNT)]
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$", description="ISO 4217, e.g. `usd`.")]
    type: Annotated[Literal["SUBSCRIPTION", "ONETIME"] | None, BeforeValidator(_upper)] = None
    interval: IntervalInput | None = None
    status: Annotated[
        Literal["ACTIVE"],
        Field(exclude=True, description="As in the answer. To archive a price, leave it out of the list."),
    ] = "ACTIVE"

    @model_validator(mode="after")
    def _settle_type(self) -> Self:
        if self.type is None:
            self.type = "ONETIME" if self.interval is None else "SUBSCRIPTION"
        if self.type == "ONETIME" and self.interval is not None:
            raise ValueError("a ONETIME price has no interval")
        if self.type == "SUBSCRIPTION" and self.interval is None:
            self.interval = IntervalInput(type="MONTH")
        return self


class PlanInput(Schema):
    name: Name
    description: Annotated[Text, Field(max_length=5000)] | None = None
    priority: Priority = 0
    prices: Annotated[list[PriceInput], Field(max_length=50, default_factory=list)]


class PlanChanges(Schema):
    """Only what is given changes. `prices` replaces the list; a price given with its id stays itself."""

    name: Name = left_out()
    description: Annotated[Text, Field(max_length=5000)] | None = left_out()
    priority: Priority = left_out()
    status: Status = left_out()
    prices: Annotated[list[PriceInput], Field(max_length=50)] = left_out()


class Interval(Answer):
    type: str
    count: int


class Price(Answer):
    id: str
    name: str | None
    amount: Annotated[float, Field(description=_AMOUNT)]
    currency: str
    interval: Interval | None
    type: Literal["SUBSCRIPTION", "ONETIME"]
    status: Status


class Plan(Answer):
    id: str
    name: str
    description: str | None
    priority: int
    status: Status
    prices: list[Price]
    created_at: str
