"""What the Client API takes and gives. What the package sends besides is passed over."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from msidp.api import Answer, JsonObject, JsonValue, Schema, Text
from msidp.members import schemas as members
from msidp.plans.schemas import Plan
from msidp.vault.passwords import MAX_LENGTH

Sent = Annotated[Text, Field(max_length=400)]
GivenPassword = Annotated[Text, Field(max_length=MAX_LENGTH)]


class Input(Schema):
    """Base of every request. Each version of the package adds fields that say where it is called from."""

    model_config = ConfigDict(extra="ignore")


class Credentials(Input):
    email: Sent
    password: GivenPassword


class MailAddress(Input):
    email: Sent


class PasswordlessLogin(Input):
    email: Sent
    passwordless_token: Annotated[Sent, Field(description="The code that was mailed.")]


class Membership(Input):
    plan_id: members.PlanId


class SignUp(Input):
    """By a `password`, or by the code that `POST /auth/passwordless/signup/send` has mailed."""

    email: Sent
    password: members.Password | None = None
    passwordless_token: Sent | None = None
    plans: Annotated[list[Membership] | None, Field(max_length=50)] = None
    custom_fields: JsonObject | None = None
    meta_data: JsonObject | None = None


class NewPassword(Input):
    token: Annotated[Sent, Field(description="The code that was mailed, or what its link carries.")]
    new_password: members.Password


class OwnPassword(Input):
    password: members.Password


class AuthChanges(Input):
    """Only what is given changes. A new password needs the present one, where there is one."""

    email: Sent | None = None
    old_password: GivenPassword | None = None
    new_password: members.Password | None = None


class OwnChanges(Input):
    custom_fields: Annotated[JsonObject | None, Field(description="Merged.")] = None


class OwnJson(Input):
    json_: JsonValue = Field(alias="json")


class Tokens(Answer):
    access_token: str
    expires: Annotated[int, Field(description="Milliseconds since 1970.")]
    type: Literal["bearer"]


class LoggedIn(Answer):
    """Who is logged in now, and the token to send as `Authorization: Bearer …`."""

    member: members.Member
    tokens: Tokens
    redirect: Annotated[str | None, Field(description="The member's `loginRedirect`.")]


class MemberAndRedirect(Answer):
    member: members.Member
    redirect: str | None


class Done(Answer):
    success: Literal[True]


class LoggedOut(Answer):
    redirect: str | None


class ProfileImage(Answer):
    profile_image: str | None


class Json(Answer):
    """The member's `json`, whatever it is."""

    data: Any


class PasswordlessMethod(Answer):
    enabled: bool
    is_default: bool


class OtherMethods(Answer):
    passwordless: PasswordlessMethod


class AppBranding(Answer):
    logo: str | None
    colors: JsonObject


class App(Answer):
    """What a page may know of the community. `plans` are those that are not archived."""

    id: str
    name: str
    mode: Literal["live"]
    plans: list[Plan]
    content_groups: list[JsonObject]
    custom_fields: list[JsonObject]
    allow_member_self_delete: bool
    captcha_required: bool
    auth_providers: list[JsonObject]
    additional_auth_methods: OtherMethods
    sso_signup_button_url: Annotated[str | None, Field(alias="ssoSignupButtonURL")]
    is_paid: bool
    branding: AppBranding


class Visit(Answer):
    """Nothing of a visit is kept, so it has no id."""

    session_id: None


class Visited(Answer):
    session_data: Visit


class AppAndMember(Visited):
    app: App
    member: members.Member | None
