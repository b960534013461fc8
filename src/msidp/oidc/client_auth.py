"""Who calls the token endpoint: client authentication by secret, or none for public clients.

Whatever is wrong, an unknown client and a wrong secret get the same answer (RFC 6749, section 5.2).
"""

import base64
import hmac
from dataclasses import dataclass
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError

from msidp import clock, ids
from msidp.oidc.clients import Client, Clients

METHODS = ("client_secret_basic", "client_secret_post", "none")
_NOBODY = ids.hash_token("nobody's secret")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of its client, and by which method."""

    method: str
    client_id: str
    secret: str | None


def authenticate(clients: Clients, form: dict[str, str], authorization: str | None) -> tuple[Client, str]:
    """The client behind a request, and the method by which it showed that.

    Raises InvalidRequestError for two methods at once, InvalidClientError for everything else.
    """
    given = read(form, authorization)
    client = clients.find(given.client_id)
    if not _is_proved(client, given):
        raise failed()
    assert client is not None  # noqa: S101  # _is_proved() says no to None
    return client, given.method


def read(form: dict[str, str], authorization: str | None) -> Credentials:
    """The one set of credentials that a request carries."""
    if "client_assertion" in form or "client_assertion_type" in form:
        raise failed("Client assertions are not supported.")
    if authorization is None:
        if "client_id" not in form:
            raise failed("The request carries no client authentication.")
        secret = form.get("client_secret")
        method = "none" if secret is None else "client_secret_post"
        return Credentials(method, form["client_id"], secret)
    if "client_secret" in form:
        raise InvalidRequestError("Two methods of client authentication are one too many.")
    credentials = _read_basic(authorization)
    if form.get("client_id", credentials.client_id) != credentials.client_id:
        raise InvalidRequestError("The client_id is not the one of the Authorization header.")
    return credentials


def failed(description: str = "Client authentication failed.") -> InvalidClientError:
    """The answer to a client that is not who it says."""
    return InvalidClientError(description, status_code=401)


def _read_basic(authorization: str) -> Credentials:
    """HTTP Basic, both parts form-encoded before (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise failed("The Authorization header must be Basic.")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise failed() from None
    if not colon:
        raise failed()
    return Credentials("client_secret_basic", unquote_plus(client_id), unquote_plus(secret))


def _is_proved(client: Client | None, given: Credentials) -> bool:
    if client is not None and client.public:
        return given.method == "none"
    sent = ids.hash_token(given.secret or "")
    right = hmac.compare_digest(sent, (client and client.secret_hash) or _NOBODY)
    former, ends = (client and client.previous_secret) or (_NOBODY, 0)
    right |= hmac.compare_digest(sent, former) and ends > clock.now()
    return right and client is not None and given.method != "none"
