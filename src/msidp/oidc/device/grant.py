"""`grant_type=urn:ietf:params:oauth:grant-type:device_code`: what a device polls with."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749 import grants as authlib_grants

from msidp.db import core_transaction
from msidp.oidc.device import authorizations
from msidp.oidc.device.authorizations import Later
from msidp.oidc.grants import Redeemed
from msidp.oidc.kinds import DEVICE_CODE
from msidp.oidc.token_grants import RedeemingGrant, unless_refused


class DeviceGrant(RedeemingGrant, authlib_grants.BaseGrant, authlib_grants.TokenEndpointMixin):  # type: ignore[misc]  # Authlib has no types
    """A device asks whether the member has decided (RFC 8628, section 3.4)."""

    GRANT_TYPE = DEVICE_CODE

    def validate_token_request(self) -> None:
        """Who asks, and with which code."""
        client = self.request.client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(DEVICE_CODE):
            raise UnauthorizedClientError("The application may not use the device grant.")
        if "device_code" not in self.request.form:
            raise InvalidRequestError("The device_code is missing.")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """The tokens once the member has allowed it; until then, to wait."""
        request = self.request
        with core_transaction() as connection:
            found = authorizations.redeem(
                connection, request.client, request.form["device_code"], request.jkt
            )
            if isinstance(found, Redeemed):
                request.use_proof(connection)
        if isinstance(found, Later):
            raise found
        redeemed = unless_refused(found)
        return 200, self.answer(redeemed, redeemed.scope, None), self.TOKEN_RESPONSE_HEADER
