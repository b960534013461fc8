"""What an authorization request must hold to, one small check after the other, in this order.

Until the redirect URI is known to be the client's own, nothing is redirected (RFC 6749, section
4.1.2.1). From there on errors go to it.
"""

import re

from werkzeug.datastructures import MultiDict

from msidp import canonical
from msidp.oidc import pkce, redirects, scopes
from msidp.oidc.authorize import response, wishes
from msidp.oidc.authorize.draft import Check, Draft
from msidp.oidc.authorize.errors import OAuthError, PageError
from msidp.oidc.clients import Client, Clients
from msidp.words import words

MAX_LENGTH = 8_192  # bytes of the whole in UTF-8: it has to fit into an address
MAX_LENGTHS = {"state": 2_048, "nonce": 2_048, "login_hint": 320, "claims": 4_096}
_NAME = re.compile(r"[a-z_]{1,40}")  # of a parameter, fit for an error_description
_UNSUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


def find_client(parameters: "MultiDict[str, str]", clients: Clients) -> Client:
    """The client that the request names. Raises PageError."""
    values = parameters.getlist("client_id")
    if len(values) != 1 or not values[0]:
        raise PageError(
            words("The link that led here names no application. Go back to it and sign in from there."),
            advice="The client_id is missing, or there more than once.",
        )
    client = clients.find(values[0])
    if client is None:
        raise PageError(
            words(
                "The link that led here is of no application of this site. "
                "Go back to it and sign in from there."
            ),
            "invalid_client",
            advice="No application here has this client_id. It was deleted, or belongs to another issuer.",
            client_id=values[0],
        )
    return client


def find_redirect_uri(parameters: "MultiDict[str, str]", client: Client) -> str:
    """Where the answer goes: exactly what is registered. Raises PageError."""
    values = parameters.getlist("redirect_uri")
    if len(values) != 1 or not values[0]:
        raise PageError(
            words("The application has not said where to go on to."),
            advice="The redirect_uri is missing, or there more than once.",
            client_id=client.client_id,
        )
    if not client.allows_redirect(values[0]):
        raise PageError(
            words("The application wanted to go on to an address that is not registered for it."),
            advice="The redirect_uri must be one of the application's, letter for letter: "
            "scheme, host, port, path, query, a slash at its end.",
            client_id=client.client_id,
            redirect_uri=values[0],
        )
    return values[0]


def note_response_mode(draft: Draft) -> None:
    """However the answer is to travel, so do the errors of all that is checked from here on."""
    wanted = draft.parameters.getlist("response_mode")
    by_form = wanted == [response.FORM_POST] and redirects.origin(draft.request.redirect_uri) is not None
    if by_form or wanted == [response.FRAGMENT]:
        draft.request.response_mode = wanted[0]


def check_state(draft: Draft) -> None:
    """First of all, because every answer from here on repeats it."""
    if len(draft.parameters.getlist("state")) > 1:
        raise OAuthError("invalid_request", "A parameter is there twice: state.")
    _check_length(draft, "state")
    draft.request.state = draft.get("state")


def check_duplicates(draft: Draft) -> None:
    """No parameter twice (RFC 6749, section 3.1); `resource` alone may be (RFC 8707, section 2)."""
    for name, values in draft.parameters.lists():
        if len(values) > 1 and name != "resource":
            which = f": {name}" if _NAME.fullmatch(name) else ""
            raise OAuthError("invalid_request", f"A parameter is there twice{which}.")


def check_lengths(draft: Draft) -> None:
    """Not more than a request needs."""
    for name in MAX_LENGTHS:
        _check_length(draft, name)
    if len("".join(map("".join, draft.parameters.items(multi=True))).encode()) > MAX_LENGTH:
        raise OAuthError("invalid_request", f"The request is longer than {MAX_LENGTH} bytes.")


def _check_length(draft: Draft, name: str) -> None:
    if len(draft.parameters.get(name, "")) > MAX_LENGTHS[name]:
        raise OAuthError("invalid_request", f"The {name} is longer than {MAX_LENGTHS[name]} characters.")


def check_text(draft: Draft) -> None:
    """Nothing that cannot be stored and sent back."""
    try:
        for values in draft.parameters.listvalues():
            canonical.check_text("".join(values))
    except ValueError:
        draft.request.state = None
        raise OAuthError("invalid_request", "A parameter holds a NUL character.") from None


def check_request_objects(draft: Draft) -> None:
    """What would change the request's meaning is never passed over (OpenID Connect Core 1.0, 6 and 7)."""
    for name, error in _UNSUPPORTED.items():
        if draft.get(name) is not None:
            raise OAuthError(error, f"The {name} parameter is not supported.")


def check_response_type(draft: Draft) -> None:
    """The code flow, and nothing else."""
    response_type = draft.get("response_type")
    if response_type is None:
        raise OAuthError("invalid_request", "The response_type is missing.")
    if response_type != "code":
        raise OAuthError("unsupported_response_type", "The response_type must be code.")
    if not draft.client.check_grant_type("authorization_code"):
        raise OAuthError("unauthorized_client", "The application may not use the code flow.")


def check_response_mode(draft: Draft) -> None:
    """How the answer travels. One that cannot travel as asked goes in the query, and says so."""
    mode = draft.get("response_mode") or response.QUERY
    if mode not in response.MODES:
        raise OAuthError("invalid_request", f"The response_mode must be one of {', '.join(response.MODES)}.")
    if mode != draft.request.response_mode:
        raise OAuthError("invalid_request", "An application's own scheme takes no form_post.")


def check_scope(draft: Draft) -> None:
    """The scopes it may have; unknown ones are left out (OpenID Connect Core 1.0, section 3.1.2.1)."""
    wanted = draft.client.allowed(scopes.split(draft.get("scope") or ""))
    if not draft.client.check_grant_type("refresh_token"):
        wanted = [scope for scope in wanted if scope != scopes.OFFLINE_ACCESS]
    if scopes.OPENID not in wanted:
        raise OAuthError("invalid_scope", "The scope must hold openid.")
    draft.request.scopes = wanted


def check_pkce(draft: Draft) -> None:
    """PKCE by S256 (RFC 7636): wherever it is begun, and always for public clients."""
    challenge, method = draft.get("code_challenge"), draft.get("code_challenge_method")
    if challenge is None and method is None:
        if draft.client.require_pkce:
            raise OAuthError("invalid_request", "The application must use PKCE (code_challenge).")
        return
    if method != "S256":
        raise OAuthError("invalid_request", "The code_challenge_method must be S256.")
    if challenge is None or not pkce.is_challenge(challenge):
        raise OAuthError("invalid_request", "The code_challenge must be 43 characters of base64url.")
    draft.request.code_challenge = challenge


def check_resources(draft: Draft) -> None:
    """What the access tokens are to be for (RFC 8707): addresses that the application is allowed."""
    wanted = list(dict.fromkeys(value for value in draft.parameters.getlist("resource") if value))
    for uri in wanted:
        try:
            redirects.check_resource(uri)
        except ValueError as error:
            raise OAuthError("invalid_target", f"A resource {error}.") from None
        if uri not in draft.client.resources:
            raise OAuthError("invalid_target", "A resource is none of those registered for the application.")
    draft.request.resources = wanted


def check_dpop_jkt(draft: Draft) -> None:
    """The key that the code is bound to (RFC 9449, section 10), by its thumbprint."""
    thumbprint = draft.get("dpop_jkt")
    if thumbprint is not None and not pkce.is_challenge(thumbprint):
        raise OAuthError("invalid_request", "The dpop_jkt must be 43 characters of base64url.")
    draft.request.dpop_jkt = thumbprint


CHECKS: tuple[Check, ...] = (
    note_response_mode,
    check_state,
    check_duplicates,
    check_lengths,
    check_text,
    check_request_objects,
    check_response_type,
    check_response_mode,
    check_scope,
    check_pkce,
    wishes.check_prompt,
    wishes.check_max_age,
    wishes.check_acr_values,
    wishes.check_claims,
    wishes.check_hint,
    check_resources,
    check_dpop_jkt,
    wishes.note_rest,
)


def check_delivery(client: Client) -> None:
    """Whether the request may come by the browser at all, where anybody could have altered it."""
    if client.require_par:
        raise OAuthError("invalid_request", "The application must push its requests (RFC 9126).")


def check(draft: Draft) -> None:
    """Pass every check, or raise OAuthError at the first that fails."""
    for each in CHECKS:
        each(draft)
