"""The grants of the token endpoint: Authlib keeps the order of each flow; what it reads and writes is ours.

Storage is `grants` and `refresh_tokens`, signatures are `tokens`. A code or refresh token is claimed in one
transaction, which is over before anything is signed.
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749 import grants as authlib_grants
from sqlalchemy import select

from msidp.db import core_transaction, reading
from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc import claims, client_auth, grants, refresh_tokens, resources, scopes, tokens
from msidp.oidc.clients import Client
from msidp.oidc.token_request import TokenRequest
from msidp.oidc.tokens import Terms


class RedeemingGrant:
    """What the grants on behalf of a member share."""

    TOKEN_ENDPOINT_AUTH_METHODS = client_auth.METHODS
    request: TokenRequest

    def authenticate_user(self, redeemed: grants.Redeemed) -> str:
        """The member. Exists: a member's grants go with the member."""
        return redeemed.member_id

    def save_token(self, token: dict[str, Any]) -> None:
        """Everything was stored when the code or refresh token was claimed."""

    def audience_of(self, redeemed: grants.Redeemed) -> list[str]:
        """What the access token is for. Raises InvalidTarget."""
        request = self.request
        return resources.audience(keyring().issuer, request.client, request.resources, redeemed.resources)

    def answer(self, redeemed: grants.Redeemed, scope: str, nonce: str | None) -> dict[str, Any]:
        """The answer's body."""
        terms = Terms(scope, self.audience_of(redeemed), self.request.jkt)
        return answer(self.request.client, redeemed, terms, nonce)


class CodeGrant(RedeemingGrant, authlib_grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
    """`grant_type=authorization_code` (RFC 6749, section 4.1.3)."""

    def query_authorization_code(self, code: str, client: Client) -> grants.Redeemed:
        """Claim the code, with all it is bound to."""
        form, jkt = self.request.form, self.request.jkt
        if "redirect_uri" not in form:
            raise InvalidRequestError("The redirect_uri is missing.")
        with core_transaction() as connection:
            redeemed = grants.redeem_code(
                connection,
                client,
                code,
                form["redirect_uri"],
                form.get("code_verifier"),
                jkt,
                refresh_tokens.first(client, jkt),
            )
            if isinstance(redeemed, grants.Redeemed):
                self.request.use_proof(connection)
        return unless_refused(redeemed)

    def delete_authorization_code(self, _code: grants.Redeemed) -> None:
        """Its hash stays with the grant, so that a second use is known."""

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        """The answer's body."""
        redeemed = self.request.authorization_code
        return self.answer(redeemed, redeemed.scope, redeemed.nonce)


class RefreshGrant(RedeemingGrant, authlib_grants.RefreshTokenGrant):  # type: ignore[misc]  # Authlib has no types
    """`grant_type=refresh_token` (RFC 6749, section 6), each token used once."""

    def authenticate_refresh_token(self, refresh_token: str) -> grants.Redeemed:
        """Claim the refresh token. What goes beyond the grant leaves it as it was."""
        with core_transaction() as connection:
            redeemed = refresh_tokens.redeem(
                connection, self.request.client, refresh_token, self.request.jkt, self._check
            )
            if isinstance(redeemed, grants.Redeemed):
                self.request.use_proof(connection)
        return unless_refused(redeemed)

    def revoke_old_credential(self, _token: grants.Redeemed) -> None:
        """Another one has taken its place."""

    def generate_token(self, *, scope: str, **_options: Any) -> dict[str, Any]:
        """The answer's body. A refreshed ID token repeats `auth_time`, and has no nonce."""
        return self.answer(self.request.refresh_token, " ".join(scopes.split(scope)), None)

    def _validate_token_scope(self, redeemed: grants.Redeemed) -> None:
        """Authlib's own check names no reason."""
        asked = self.request.payload.scope
        if asked and not set(scopes.split(asked)) <= set(scopes.split(redeemed.scope)):
            raise InvalidScopeError("The scope goes beyond what the member allowed.")

    def _check(self, redeemed: grants.Redeemed) -> None:
        self._validate_token_scope(redeemed)
        self.audience_of(redeemed)


class MachineGrant(authlib_grants.ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    """`grant_type=client_credentials` (RFC 6749, section 4.4)."""

    TOKEN_ENDPOINT_AUTH_METHODS = client_auth.METHODS
    request: TokenRequest

    def validate_requested_scope(self) -> None:
        """Only scopes that the application has."""
        asked = scopes.split(self.request.payload.scope or "")
        if len(self.request.client.allowed(asked)) < len(asked):
            raise InvalidScopeError("The client has no such scope.")

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        """The answer's body. Without a scope parameter, all that the application has."""
        client: Client = self.request.client
        scope = " ".join(scopes.split(self.request.payload.scope or "") or client.scopes)
        asked = self.request.resources
        audience = resources.audience(keyring().issuer, client, asked, client.resources if asked else ())
        if self.request.proof is not None:
            with core_transaction() as connection:
                self.request.use_proof(connection)
        return tokens.machine_answer(keyring(), client, Terms(scope, audience, self.request.jkt))

    def save_token(self, token: dict[str, Any]) -> None:
        """Nothing is stored: the token speaks for itself until it expires."""


def answer(client: Client, redeemed: grants.Redeemed, terms: Terms, nonce: str | None) -> dict[str, Any]:
    """The token endpoint's answer, with the claims that the request wanted in the ID token."""
    asked = claims.requested(redeemed.claims, "id_token")
    extra = _claims_of(redeemed.member_id, asked) if asked else {}
    if nonce is not None:
        extra["nonce"] = nonce
    return tokens.member_answer(keyring(), client, redeemed, terms, extra)


def unless_refused(redeemed: grants.Redeemed | grants.Refused) -> grants.Redeemed:
    """Raises InvalidGrantError for what was refused."""
    if isinstance(redeemed, grants.Refused):
        raise InvalidGrantError(str(redeemed))
    return redeemed


def _claims_of(member_id: str, names: set[str]) -> dict[str, Any]:
    statement = select(Member).where(Member.id == member_id)
    with reading() as session:
        member = session.scalar(statement)
    return claims.member_claims(member, names) if member else {}
