"""A request to the token endpoint, or to one that is called like it."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Request

from msidp.oidc import dpop
from msidp.prepared import Core

MAX_RESOURCES = 20


class TokenRequest:
    """Parameters of the form body alone, each once but for `resource` (RFC 8707, section 2).

    Speaks Authlib's OAuth2Request as far as its grants ask. That one would refuse an http address; whether
    https is spoken is settled in front of us.

    `authorization` and `sent_proof` are the headers Authorization and DPoP. `proof` is what it brings,
    set once the client is known. It is used up by the transaction that gives something for it, so that who
    has nothing to redeem writes nothing.
    """

    client: Any = None
    user: Any = None
    authorization_code: Any = None
    refresh_token: Any = None
    auth_method: str | None = None
    proof: dpop.Proof | None = None

    def __init__(self, http: Request) -> None:
        self.method = http.method
        self.authorization: str | None = http.environ.get("HTTP_AUTHORIZATION")
        self.sent_proof: str | None = http.environ.get("HTTP_DPOP")
        if http.query_string:
            raise InvalidRequestError("Parameters belong in the body, not in the address.")
        if http.mimetype != "application/x-www-form-urlencoded":
            raise InvalidRequestError("The body must be application/x-www-form-urlencoded.")
        fields = http.form
        self.resources = [value for value in fields.getlist("resource") if value]
        if len(self.resources) > MAX_RESOURCES:
            raise InvalidRequestError(f"More than {MAX_RESOURCES} resources are too many.")
        self.form: dict[str, str] = {}  # one without a value counts as left out (RFC 6749, section 3.2)
        for name, values in fields.lists():
            if name != "resource":
                if len(values) > 1:
                    raise InvalidRequestError("A parameter is there twice.")
                if values[0]:
                    self.form[name] = values[0]
        self.payload = BasicOAuth2Payload(self.form)

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key that the tokens are bound to."""
        return self.proof.thumbprint if self.proof else None

    def use_proof(self, connection: Core) -> None:
        """Use the proof up, if the transaction commits. Raises InvalidProof where it was used before."""
        if self.proof is not None:
            self.proof.use(connection)
