"""A checked authorization request."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from msidp.oidc import claims as member_claims
from msidp.oidc import scopes
from msidp.oidc.authorize.errors import OAuthError


@dataclass(slots=True)
class AuthorizeRequest:
    """What a request asks for. The checks fill it in; then it stays as it is.

    `max_age` is in seconds; `subject` is the member that an id_token_hint or the claims parameter names;
    `acr_values` are the classes of log-in that are good, the best first, and `acr_essential` says that
    there is no other; `language` is the one of ours that `ui_locales` asks for; `chosen` is the member that
    the person chose to continue as; `pushed` is the hash under which a pushed request is kept; `browser` is
    where it came from, if that matters (see `browsers`); `trial` is set where an operator tries the log-in
    (see `trials`). No parameter sets the last three.
    """

    client_id: str
    redirect_uri: str
    response_mode: str = "query"
    state: str | None = None
    scopes: list[str] = field(default_factory=list)
    nonce: str | None = None
    code_challenge: str | None = None
    prompt: list[str] = field(default_factory=list)
    max_age: int | None = None
    subject: str | None = None
    acr_values: list[str] = field(default_factory=list)
    acr_essential: bool = False
    claims: dict[str, Any] | None = None
    login_hint: str | None = None
    language: str | None = None
    chosen: str | None = None
    resources: list[str] = field(default_factory=list)
    dpop_jkt: str | None = None
    pushed: str | None = None
    browser: str | None = None
    trial: str | None = None

    @property
    def consent_scopes(self) -> list[str]:
        """What the member has to allow: the scopes, and those whose claims are asked for by name."""
        names = {
            name for place in member_claims.PLACES for name in member_claims.requested(self.claims, place)
        }
        return list(dict.fromkeys([*self.scopes, *sorted(scopes.opening(names))]))

    def as_json(self) -> dict[str, Any]:
        """The form in which it waits; what is not asked for is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None and value != []}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read it back. Raises ValueError for one that another version of msidp has written."""
        try:
            return cls(**value)
        except TypeError as error:
            raise ValueError("not a request of this version") from error

    def success(self, issuer: str, code: str) -> dict[str, str]:
        """What the answer with the code carries (RFC 6749, section 4.1.2; RFC 9207 for `iss`)."""
        return self._answer(issuer, {"code": code})

    def failure(self, issuer: str, error: OAuthError) -> dict[str, str]:
        """What the answer with the error carries."""
        return self._answer(issuer, {"error": error.error, "error_description": error.description})

    def _answer(self, issuer: str, parameters: dict[str, str]) -> dict[str, str]:
        if self.state is not None:
            parameters["state"] = self.state
        return parameters | {"iss": issuer}
