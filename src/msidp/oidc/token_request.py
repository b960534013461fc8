"""A request to the token endpoint, or to one that is called like it."""

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Request

from msidp.oidc import dpop
from msidp.prepared import Core

MAX_RESOURCES = 20


class TokenRequest(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """Parameters of the form body alone, each once but for `resource` (RFC 8707, section 2).

    `proof` is the DPoP proof that came along, set once the client is known. It is used up by the transaction
    that gives something for it, so that whoever has nothing to redeem writes nothing.
    """

    def __init__(self, http: Request) -> None:
        # Authlib would refuse an http address here. Whether https is spoken is settled in front of us.
        super().__init__(http.method, "https://token")
        self.headers = http.headers
        if http.query_string:
            raise InvalidRequestError("Parameters belong in the body, not in the address.")
        if http.mimetype != "application/x-www-form-urlencoded":
            raise InvalidRequestError("The body must be application/x-www-form-urlencoded.")
        fields = http.form
        self.resources = [value for value in fields.getlist("resource") if value]
        if len(self.resources) > MAX_RESOURCES:
            raise InvalidRequestError(f"More than {MAX_RESOURCES} resources are too many.")
        self._form = {}
        for name, values in fields.lists():
            if name != "resource":
                if len(values) > 1:
                    raise InvalidRequestError("A parameter is there twice.")
                if values[0]:
                    self._form[name] = values[0]
        self.payload = BasicOAuth2Payload(self._form)
        self.proof: dpop.Proof | None = None

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key that the tokens are bound to."""
        return self.proof.thumbprint if self.proof else None

    def use_proof(self, connection: Core) -> None:
        """Use the proof up, if the transaction commits. Raises InvalidProof where it was used before."""
        if self.proof is not None:
            self.proof.use(connection)

    @property
    def form(self) -> dict[str, str]:
        """The parameters. One without a value counts as left out (RFC 6749, section 3.2)."""
        return self._form
