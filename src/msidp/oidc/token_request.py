"""A request to the token endpoint, or to one that is called like it."""

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Request

MAX_RESOURCES = 20


class TokenRequest(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """Parameters of the form body alone, each once but for `resource` (RFC 8707, section 2).

    `jkt` is the thumbprint of the key whose DPoP proof came along, set once the client is known.
    """

    def __init__(self, http: Request) -> None:
        # Authlib would refuse an http address here. Whether https is spoken is settled in front of us.
        super().__init__(http.method, "https://token", headers=http.headers)
        if http.query_string:
            raise InvalidRequestError("Parameters belong in the body, not in the address.")
        if http.mimetype != "application/x-www-form-urlencoded":
            raise InvalidRequestError("The body must be application/x-www-form-urlencoded.")
        fields = http.form.to_dict(flat=False)
        self.resources = [value for value in fields.pop("resource", ()) if value]
        if len(self.resources) > MAX_RESOURCES:
            raise InvalidRequestError(f"More than {MAX_RESOURCES} resources are too many.")
        if any(len(values) > 1 for values in fields.values()):
            raise InvalidRequestError("A parameter is there twice.")
        self._form = {name: values[0] for name, values in fields.items() if values[0]}
        self.payload = BasicOAuth2Payload(self._form)
        self.jkt: str | None = None

    @property
    def form(self) -> dict[str, str]:
        """The parameters. One without a value counts as left out (RFC 6749, section 3.2)."""
        return self._form
