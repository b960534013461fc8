"""The token endpoint's server: Authlib parses the flow of each grant; what it reads and writes is ours.

Storage is `grants`, signatures are `tokens`, client authentication is `client_auth`. A code or refresh
token is claimed in one transaction, which is over before anything is signed.
"""

import json
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
)
from authlib.oauth2.rfc6749 import grants as authlib_grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Request, Response, request
from sqlalchemy import select

from msidp.db import core_transaction, reading
from msidp.errors import BadRequest
from msidp.keys.keyring import CannotSign, keyring
from msidp.members.models import Member
from msidp.oidc import claims, client_auth, grants, scopes, tokens
from msidp.oidc.clients import Client, clients

_ERROR_CHARACTERS = frozenset(map(chr, (0x20, 0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))))


class TokenRequest(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """A request to the token endpoint: parameters of the form body alone, each once."""

    def __init__(self, http: Request) -> None:
        # Authlib would refuse an http address here. Whether https is spoken is settled in front of us.
        super().__init__(http.method, "https://token", headers=http.headers)
        if http.query_string:
            raise InvalidRequestError("Parameters belong in the body, not in the address.")
        if http.mimetype != "application/x-www-form-urlencoded":
            raise InvalidRequestError("The body must be application/x-www-form-urlencoded.")
        fields = http.form.to_dict(flat=False)
        if any(len(values) > 1 for values in fields.values()):
            raise InvalidRequestError("A parameter is there twice.")
        self._form = {name: values[0] for name, values in fields.items() if values[0]}
        self.payload = BasicOAuth2Payload(self._form)

    @property
    def form(self) -> dict[str, str]:
        """The parameters. One without a value counts as left out (RFC 6749, section 3.2)."""
        return self._form


class _RedeemingGrant:
    """What the grants by code and by refresh token share."""

    TOKEN_ENDPOINT_AUTH_METHODS = client_auth.METHODS
    request: TokenRequest

    def authenticate_user(self, redeemed: grants.Redeemed) -> str:
        """The member. Exists: a member's grants go with the member."""
        return redeemed.member_id

    def save_token(self, token: dict[str, Any]) -> None:
        """Everything was stored when the code or refresh token was claimed."""

    def _answer(self, redeemed: grants.Redeemed, scope: str, nonce: str | None) -> dict[str, Any]:
        asked = claims.requested(redeemed.claims, "id_token")
        extra = _claims_of(redeemed.member_id, asked) if asked else {}
        if nonce is not None:
            extra["nonce"] = nonce
        return tokens.member_answer(keyring(), self.request.client, redeemed, scope, extra)


class CodeGrant(_RedeemingGrant, authlib_grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
    """`grant_type=authorization_code` (RFC 6749, section 4.1.3)."""

    def query_authorization_code(self, code: str, client: Client) -> grants.Redeemed:
        """Claim the code, with all it is bound to."""
        form = self.request.form
        if "redirect_uri" not in form:
            raise InvalidRequestError("The redirect_uri is missing.")
        with core_transaction() as connection:
            redeemed = grants.redeem_code(
                connection, client, code, form["redirect_uri"], form.get("code_verifier")
            )
        return _unless_refused(redeemed)

    def delete_authorization_code(self, _code: grants.Redeemed) -> None:
        """It was claimed, and stays as the trace by which a second use is known."""

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        """The answer's body."""
        redeemed = self.request.authorization_code
        return self._answer(redeemed, redeemed.scope, redeemed.nonce)


class RefreshGrant(_RedeemingGrant, authlib_grants.RefreshTokenGrant):  # type: ignore[misc]  # Authlib has no types
    """`grant_type=refresh_token` (RFC 6749, section 6), each token used once."""

    def authenticate_refresh_token(self, refresh_token: str) -> grants.Redeemed:
        """Claim the refresh token. A scope beyond the grant's leaves it as it was."""
        with core_transaction() as connection:
            redeemed = grants.redeem_refresh_token(
                connection, self.request.client, refresh_token, self._validate_token_scope
            )
        return _unless_refused(redeemed)

    def revoke_old_credential(self, _token: grants.Redeemed) -> None:
        """It was claimed, and stays as the trace by which a second use is known."""

    def generate_token(self, *, scope: str, **_options: Any) -> dict[str, Any]:
        """The answer's body. A refreshed ID token repeats `auth_time`, and has no nonce."""
        return self._answer(self.request.refresh_token, " ".join(scopes.split(scope)), None)


class MachineGrant(authlib_grants.ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    """`grant_type=client_credentials` (RFC 6749, section 4.4)."""

    TOKEN_ENDPOINT_AUTH_METHODS = client_auth.METHODS

    def validate_requested_scope(self) -> None:
        """Only scopes that the application has."""
        asked = scopes.split(self.request.payload.scope or "")
        if len(self.request.client.allowed(asked)) < len(asked):
            raise InvalidScopeError("The client has no such scope.")

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        """The answer's body. Without a scope parameter, all that the application has."""
        client: Client = self.request.client
        asked = scopes.split(self.request.payload.scope or "") or client.scopes
        return tokens.machine_answer(keyring(), client, " ".join(asked))

    def save_token(self, token: dict[str, Any]) -> None:
        """Nothing is stored: the token speaks for itself until it expires."""


class TokenServer(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """Authlib's server over Flask, for the token endpoint."""

    def __init__(self) -> None:
        super().__init__()
        for grant in (CodeGrant, RefreshGrant, MachineGrant):
            self.register_grant(grant)

    def create_token_response(self, http: Request | None = None) -> Response:
        """Answer a request to the token endpoint."""
        try:
            checked = TokenRequest(http or request)
            if checked.payload.grant_type is None:
                raise InvalidRequestError("The grant_type is missing.")
        except OAuth2Error as error:
            return self.handle_error_response(None, error)
        except BadRequest as problem:
            return self.handle_error_response(None, InvalidRequestError(problem.message))
        response: Response = super().create_token_response(checked)
        return response

    def create_oauth2_request(self, http: TokenRequest) -> TokenRequest:
        """It has been made already."""
        return http

    def authenticate_client(self, http: TokenRequest, _methods: Any, _endpoint: str = "token") -> Client:
        """Who calls."""
        client, http.auth_method = client_auth.authenticate(
            clients(), http.form, http.headers.get("Authorization")
        )
        try:  # before a code or refresh token is claimed: it stays good for when the key is back
            for algorithm in {client.access_token_alg, client.id_token_alg}:
                keyring().prepare(algorithm)
        except CannotSign:
            raise OAuth2Error(
                "Tokens cannot be signed at present.", status_code=503, error="temporarily_unavailable"
            ) from None
        return client

    def send_signal(self, *_args: Any, **_options: Any) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        """Authlib's answer as Flask's."""
        return Response(json.dumps(body, separators=(",", ":")), status, headers)

    def handle_error_response(self, _request: Any, error: OAuth2Error) -> Response:
        """An error (RFC 6749, section 5.2); its text keeps to the characters allowed there."""
        description = "".join(c for c in error.get_error_description() if c in _ERROR_CHARACTERS)[:200]
        body = {"error": error.error, "error_description": description}
        if not description:
            del body["error_description"]
        response = self.handle_response(
            error.status_code, body, authlib_grants.BaseGrant.TOKEN_RESPONSE_HEADER
        )
        if error.status_code == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="token"'
        return response


def _unless_refused(redeemed: grants.Redeemed | grants.Refused) -> grants.Redeemed:
    if isinstance(redeemed, grants.Refused):
        raise InvalidGrantError(str(redeemed))
    return redeemed


def _claims_of(member_id: str, names: set[str]) -> dict[str, Any]:
    statement = select(Member).where(Member.id == member_id)
    with reading() as session:
        member = session.scalar(statement)
    return claims.member_claims(member, names) if member else {}
