"""What the Admin API takes and gives for operators, their invitations and for keys."""

from typing import Annotated

from pydantic import Field

from msidp.api import Answer, Name, Schema, Text
from msidp.communities.roles import KeyRole, Role

EmailText = Annotated[Text, Field(min_length=1, max_length=320)]


class OperatorChanges(Schema):
    role: Role


class OperatorAnswer(Answer):
    id: str
    email: str
    name: str
    role: Role
    second_factor: Annotated[bool, Field(description="Whether their sign-in asks for one.")]
    created_at: str
    last_login_at: str | None


class NewInvitation(Schema):
    email: EmailText
    role: Role
    mail: Annotated[bool, Field(description="Whether the link goes to the address by mail too.")] = True


class Invitation(Answer):
    id: str
    email: str
    role: Role
    created_at: str
    expires_at: str


class InvitationMade(Answer):
    """An invitation with its link, which is shown this once."""

    id: str
    email: str
    role: Role
    link: str
    expires_at: str


class OperatorPolicy(Schema):
    second_factor_required: Annotated[bool, Field(description="Of every operator.")]


class OperatorPolicyAnswer(Answer):
    second_factor_required: bool


class NewKey(Schema):
    name: Name
    role: Annotated[
        KeyRole, Field(description="`admin`: everything but operators and keys; `owner`: these too.")
    ] = "admin"


class KeyMaker(Answer):
    """Who made a key, by the name they had then."""

    type: Annotated[str, Field(description="`operator`, `api_key` or `command_line`.")]
    id: str | None
    name: str | None
    gone: Annotated[bool, Field(description="No operator any more, or a key that was revoked.")]


class Key(Answer):
    """A key; `hint` are the last characters of its secret. It works whatever becomes of who made it."""

    id: str
    name: str
    role: KeyRole
    hint: str
    created_at: str
    created_by: Annotated[KeyMaker | None, Field(description="Of keys from before this was kept: null.")]


class KeyMade(Answer):
    """A new key with its secret, which is shown this once."""

    id: str
    secret_key: str
    role: KeyRole


class MailTest(Schema):
    to: Annotated[EmailText, Field(description="An operator's address.")]


class MailTestAnswer(Answer):
    """`inbox`: no mail server is set, it is in the development inbox."""

    id: str
    to: str
    status: Annotated[str, Field(description="`pending`, `sent`, `failed` or `inbox`.")]
    error: Annotated[str | None, Field(description="What the mail server said.")]
    created_at: str
