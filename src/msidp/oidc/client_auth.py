"""Who calls the token endpoint: client authentication by secret or signed JWT, or none for public clients.

One method a request, and the one that the application registered. Whatever is wrong, an unknown client and
a wrong secret get the same answer after the same work (RFC 6749, section 5.2).
"""

import base64
import hmac
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError

from msidp import clock, ids
from msidp.keys.keyring import keyring
from msidp.oidc import assertions
from msidp.oidc.clients import Client, Clients
from msidp.oidc.foreign import Untrusted

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
_SECRET_METHODS = ("client_secret_basic", "client_secret_post")  # an application of one may use the other
_NOBODY = ids.hash_token(ids.new_token())  # of a secret that nobody knows, for clients that have none


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of its client, and by which method. `secret` may be an assertion."""

    method: str
    client_id: str
    secret: str = field(default="", repr=False)


def authenticate(clients: Clients, form: dict[str, str], authorization: str | None) -> tuple[Client, str]:
    """The client behind a request, and the method by which it showed that.

    Raises InvalidRequestError for two methods at once, InvalidClientError for everything else.
    """
    given = read(form, authorization)
    client = clients.find(given.client_id)
    if given.method == "private_key_jwt":
        return _by_assertion(client, given), given.method
    if not _is_proved(client, given):
        raise failed()
    assert client is not None  # noqa: S101  # _is_proved() says no to None
    return client, given.method


def read(form: dict[str, str], authorization: str | None) -> Credentials:
    """The one set of credentials that a request carries."""
    asserts = "client_assertion" in form or "client_assertion_type" in form
    if (authorization is not None) + ("client_secret" in form) + asserts > 1:
        raise InvalidRequestError("Two methods of client authentication are one too many.")
    if asserts:
        credentials = _read_assertion(form)
    elif authorization is not None:
        credentials = _read_basic(authorization)
    elif "client_id" not in form:
        raise failed("The request carries no client authentication.")
    elif "client_secret" in form:
        return Credentials("client_secret_post", form["client_id"], form["client_secret"])
    else:
        return Credentials("none", form["client_id"])
    if form.get("client_id", credentials.client_id) != credentials.client_id:
        raise InvalidRequestError("The client_id is not the one of the client authentication.")
    return credentials


def failed(description: str = "Client authentication failed.") -> InvalidClientError:
    """The answer to a client that is not who it says."""
    return InvalidClientError(description, status_code=401)


def _read_assertion(form: dict[str, str]) -> Credentials:
    if form.get("client_assertion_type") != assertions.TYPE or "client_assertion" not in form:
        raise failed(f"A client_assertion comes with the client_assertion_type {assertions.TYPE}.")
    try:
        client_id = assertions.claimed_client(form["client_assertion"])
    except Untrusted as error:
        raise failed(str(error)) from None
    return Credentials("private_key_jwt", client_id, form["client_assertion"])


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


def _by_assertion(client: Client | None, given: Credentials) -> Client:
    """Whoever has the key learns what is wrong with the assertion; others, that it is none of theirs."""
    if client is None or client.auth_method != given.method:
        raise failed()
    try:
        assertions.verify(client, given.secret, keyring().issuer)
    except assertions.NotSigned:
        raise failed() from None
    except Untrusted as error:
        raise failed(str(error)) from None
    return client


def _is_proved(client: Client | None, given: Credentials) -> bool:
    if client is not None and client.public:
        return given.method == "none"
    sent = ids.hash_token(given.secret)
    right = hmac.compare_digest(sent, (client and client.secret_hash) or _NOBODY)
    former, ends = (client and client.previous_secret) or (_NOBODY, 0)
    right |= hmac.compare_digest(sent, former) and ends > clock.now()
    by_secret = client is not None and client.auth_method in _SECRET_METHODS
    return right and by_secret and given.method in _SECRET_METHODS
