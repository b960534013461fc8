"""What the Admin API takes and gives for signing keys."""

from typing import Annotated, Literal

from pydantic import Field

from msidp.api import Answer, Schema

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
Status = Literal["next", "active", "retiring", "retired"]


class KeyRotation(Schema):
    """By default every algorithm's key is followed by another that signs in a day."""

    algorithm: Annotated[Algorithm | None, Field(description="This one's key alone.")] = None
    now: Annotated[bool, Field(description="Let the new key sign at once.")] = False
    revoke: Annotated[
        bool, Field(description="The same, and let the present keys verify nothing any more: one has leaked.")
    ] = False


class SigningKey(Answer):
    """A key pair, without its private part. From `retiredAt` on it is no longer in the JWKS."""

    kid: str
    algorithm: Algorithm
    status: Status
    created_at: str
    active_at: str
    retired_at: str | None
