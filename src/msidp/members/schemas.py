"""What the Admin API takes and gives for members and plan connections."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from msidp import clock
from msidp.api import Answer, JsonObject, JsonValue, Name, PageQuery, Query, Schema, Text, left_out
from msidp.exports import ExportQuery
from msidp.vault.passwords import MAX_LENGTH, MIN_LENGTH

_MILLISECONDS_FROM = 10**11  # as seconds it would be the year 5138
_LAST_MOMENT = 253_402_300_800_000  # the year 10000


def _read_billing_date(value: Any) -> Any:
    """A moment from seconds since 1970 (milliseconds are recognised), or from ISO 8601."""
    if isinstance(value, str):
        value = clock.parse_iso(value)
    elif isinstance(value, int) and not isinstance(value, bool) and value < _MILLISECONDS_FROM:
        value *= clock.SECOND
    if isinstance(value, int) and not 0 <= value < _LAST_MOMENT:
        raise ValueError("must be between 1970 and 9999")
    return value


Address = Annotated[Text, Field(max_length=400, description="A mail address, Unicode included (RFC 6531).")]
Password = Annotated[Text, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
Redirect = Annotated[
    Annotated[Text, Field(max_length=2000)] | None,
    Field(description="Where your site takes the member after a log-in; msidp only stores it."),
]
Role = Annotated[Name, Field(description="For your own use; the default is `member`.")]
Profile = Annotated[
    "ProfileInput", Field(description="OpenID claims, told to applications by their scopes; merged by PATCH.")
]
CustomFields = Annotated[
    JsonObject, Field(description="The fields that your site asks of its members; merged by PATCH.")
]
MetaData = Annotated[
    JsonObject, Field(description="What your backend notes about the member; merged by PATCH.")
]
Json = Annotated[
    JsonValue,
    Field(
        alias="json", description="Any JSON value; replaced by PATCH, shown with `includeJSON=true` alone."
    ),
]
Claim = Annotated[Text, Field(max_length=1000)]
Link = Annotated[
    str,
    Field(
        pattern=r"^https?://[^\s/?#@\\][^\s@/?#\\]*([/?#]\S*)?$",
        max_length=2000,
        description="Without a user name or password in it.",
    ),
]
Photo = Annotated[
    str,
    Field(
        pattern=r"^(https?://\S{1,2000}|data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2})$",
        max_length=1_000_000,
        description="The claim `picture`: a link, or an image as `data:` URL, which is made anew and served.",
    ),
]
PlanId = Annotated[Text, Field(max_length=200, examples=["pln_01k0000000000000000000000"])]
ConnectionStatus = Literal["ACTIVE", "TRIALING", "REQUIRES_PAYMENT", "REQUIRES_AUTHENTICATION", "CANCELED"]
BillingDate = Annotated[
    int | None,
    BeforeValidator(_read_billing_date),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": _LAST_MOMENT - 1},
                {"type": "string", "format": "date-time"},
                {"type": "null"},
            ],
            "description": "Seconds since 1970, as in the answer, or ISO 8601 with a zone.",
        }
    ),
]


class _Claims(Schema):
    """Claims keep OpenID's own names."""

    model_config = ConfigDict(alias_generator=None)


class AddressClaim(_Claims):
    """OpenID Connect Core 1.0, section 5.1.1."""

    formatted: Claim | None = left_out()
    street_address: Claim | None = left_out()
    locality: Claim | None = left_out()
    region: Claim | None = left_out()
    postal_code: Claim | None = left_out()
    country: Claim | None = left_out()


class ProfileInput(_Claims):
    """OpenID standard claims (OpenID Connect Core 1.0, section 5.1). A claim that is null goes."""

    name: Claim | None = left_out()
    given_name: Claim | None = left_out()
    family_name: Claim | None = left_out()
    middle_name: Claim | None = left_out()
    nickname: Claim | None = left_out()
    preferred_username: Claim | None = left_out()
    profile: Link | None = left_out()
    picture: Link | None = left_out()
    website: Link | None = left_out()
    gender: Claim | None = left_out()
    birthdate: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$")] | None = left_out()
    zoneinfo: Claim | None = left_out()
    locale: Claim | None = left_out()
    phone_number: Claim | None = left_out()
    phone_number_verified: bool | None = left_out()
    address: AddressClaim | None = left_out()


class MemberExportQuery(ExportQuery):
    password_hashes: Annotated[bool, Field(description="Keep such a file safe.")] = False


class PlanReference(Schema):
    plan_id: PlanId


class MemberInput(Schema):
    email: Address
    password: Annotated[Password | None, Field(description="Can be left out, and set by mail later.")] = None
    plans: Annotated[list[PlanReference], Field(max_length=50, default_factory=list)]
    custom_fields: CustomFields = Field(default_factory=dict)
    meta_data: MetaData = Field(default_factory=dict)
    json_: Json = None
    login_redirect: Redirect = None
    verified: bool = False
    role: Role = "member"
    profile: Profile = left_out()
    profile_image: Link | None = left_out()


class MemberChanges(Schema):
    """Only what is given changes. `customFields`, `metaData` and `profile` are merged, `json` replaced."""

    email: Address = left_out()
    verified: bool = left_out()
    role: Role = left_out()
    profile: Profile = left_out()
    profile_image: Photo | None = left_out()
    custom_fields: CustomFields = left_out()
    meta_data: MetaData = left_out()
    json_: Json = left_out()
    login_redirect: Redirect = left_out()


class ConnectionChanges(Schema):
    """Only what is given changes."""

    status: ConnectionStatus = left_out()
    plan_id: PlanId = left_out()
    next_billing_date: BillingDate = left_out()


class MemberQuery(Query):
    include_json: Annotated[bool, Field(alias="includeJSON", description="Show `json` too.")] = False


class MemberPageQuery(PageQuery, MemberQuery):
    """A page of members."""


class MemberAuth(Answer):
    email: str
    has_password: bool
    providers: list[JsonObject]


class Payment(Answer):
    """Dates are in seconds since 1970."""

    amount: float
    currency: str
    status: Literal["PAID", "UNPAID"]
    price_id: str
    last_billing_date: int | None
    next_billing_date: int | None
    cancel_at_date: int | None


class PlanConnection(Answer):
    id: str
    active: bool
    status: ConnectionStatus
    plan_id: str
    plan_name: str
    type: Literal["FREE", "SUBSCRIPTION", "ONETIME"]
    payment: Payment | None


class Teams(Answer):
    joined_teams: list[JsonObject]
    owned_teams: list[JsonObject]


class Member(Answer):
    id: str
    auth: MemberAuth
    verified: bool
    role: str
    profile: JsonObject
    profile_image: str | None
    login_redirect: str | None
    stripe_customer_id: str | None
    created_at: str
    last_login: str | None
    meta_data: JsonObject
    custom_fields: JsonObject
    permissions: list[str]
    plan_connections: list[PlanConnection]
    json_: Annotated[JsonValue, Field(alias="json", description="Only with includeJSON=true.")] = left_out()
    teams: Teams


class FoundMember(Answer):
    """A member, or null where there is none."""

    data: Member | None
