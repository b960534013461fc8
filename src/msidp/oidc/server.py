"""The token endpoint's server over Authlib: who calls, with which key, and how answers look."""

from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Request, Response
from pydantic_core import to_json

from msidp.errors import BadRequest
from msidp.keys.keyring import CannotSign, keyring
from msidp.oidc import client_auth, dpop, subjects
from msidp.oidc.clients import Client, clients
from msidp.oidc.device.grant import DeviceGrant
from msidp.oidc.token_grants import CodeGrant, MachineGrant, RefreshGrant
from msidp.oidc.token_request import TokenRequest
from msidp.vault.fields import CannotOpen

_ERROR_CHARACTERS = frozenset(map(chr, (0x20, 0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))))
_GRANTS = (CodeGrant, RefreshGrant, MachineGrant, DeviceGrant)
GRANT_TYPES = tuple(grant.GRANT_TYPE for grant in _GRANTS)


class TokenServer(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """Authlib's server over Flask, for the token endpoint."""

    def __init__(self) -> None:
        super().__init__()
        for grant in _GRANTS:
            self.register_grant(grant)

    def create_token_response(self, http: Request) -> Response:
        """Answer a request to the token endpoint."""
        try:
            checked = TokenRequest(http)
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
        """Who calls, and the key that the tokens are bound to."""
        client, http.auth_method = client_auth.authenticate(clients(), http.form, http.authorization)
        _prepare(client)
        if http.sent_proof is not None:
            http.proof = dpop.check(http.sent_proof, "POST", f"{keyring().issuer}/token")
        elif client.require_dpop:
            raise dpop.InvalidProof("The application's tokens are bound to a key: a DPoP proof is needed.")
        return client

    def send_signal(self, *_args: Any, **_options: Any) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, _headers: Any = None) -> Response:
        """Authlib's answer as Flask's. Whatever it is, its headers are these (RFC 6749, section 5.1)."""
        response = Response(to_json(body), status, content_type="application/json")
        response.headers.add("Cache-Control", "no-store")
        response.headers.add("Pragma", "no-cache")
        return response

    def handle_error_response(self, _request: Any, error: OAuth2Error) -> Response:
        """An error (RFC 6749, section 5.2); its text keeps to the characters allowed there."""
        description = "".join(c for c in error.get_error_description() if c in _ERROR_CHARACTERS)[:200]
        body = {"error": error.error, "error_description": description}
        if not description:
            del body["error_description"]
        response = self.handle_response(error.status_code, body)
        if error.status_code == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="token"'
        return response


def _prepare(client: Client) -> None:
    """See that tokens can be made, before a code or refresh token is claimed: until then it stays good."""
    try:
        ring = keyring()
        for algorithm in {client.access_token_alg, client.id_token_alg}:
            ring.prepare(algorithm)
        subjects.prepare(client)
    except (CannotSign, CannotOpen):
        raise OAuth2Error(
            "Tokens cannot be signed at present.", status_code=503, error="temporarily_unavailable"
        ) from None
