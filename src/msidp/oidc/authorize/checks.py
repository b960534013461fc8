"""What an authorization request must hold to, one small check after the other, in this order.

Until the redirect URI is known to be the client's own, nothing is redirected (RFC 6749, section
4.1.2.1). From there on errors go to it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from msidp import canonical
from msidp.accounts import assurance
from msidp.keys.keyring import InvalidToken, Keyring
from msidp.oidc import pkce, redirects, scopes, tokens
from msidp.oidc.authorize import response
from msidp.oidc.authorize.errors import OAuthError, PageError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.claims import PLACES
from msidp.oidc.clients import Client, Clients

PROMPTS = ("none", "login", "consent", "select_account", "create")
MAX_LENGTH = 8_192  # bytes of the whole in UTF-8: it has to fit into an address
MAX_LENGTHS = {"state": 2_048, "nonce": 2_048, "login_hint": 320, "claims": 4_096}
_MAX_AGE = re.compile(r"[0-9]{1,9}")
_UNSUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(slots=True)
class Draft:
    """A request while it is being checked. One parameter without a value counts as left out."""

    parameters: "MultiDict[str, str]"
    client: Client
    keyring: Keyring
    request: AuthorizeRequest

    def get(self, name: str) -> str | None:
        """A parameter's value."""
        return self.parameters.get(name) or None


Check = Callable[[Draft], None]


def find_client(parameters: "MultiDict[str, str]", clients: Clients) -> Client:
    """The client that the request names. Raises PageError."""
    values = parameters.getlist("client_id")
    if len(values) != 1 or not values[0]:
        raise PageError("The request names no application (client_id), or more than one.")
    client = clients.find(values[0])
    if client is None:
        raise PageError(
            "The link that led here names no application of this site (client_id). "
            "Go back to the application and sign in from there.",
            "invalid_client",
        )
    return client


def find_redirect_uri(parameters: "MultiDict[str, str]", client: Client) -> str:
    """Where the answer goes: exactly what is registered. Raises PageError."""
    values = parameters.getlist("redirect_uri")
    if len(values) != 1 or not values[0]:
        raise PageError("The request says not where to answer (redirect_uri), or says it twice.")
    if not client.allows_redirect(values[0]):
        raise PageError("The redirect_uri is none of those registered for the application.")
    return values[0]


def note_response_mode(draft: Draft) -> None:
    """Where a form is to carry the answer, it carries the errors of all that is checked from here on."""
    wanted = draft.parameters.getlist("response_mode")
    if wanted == [response.FORM_POST] and redirects.origin(draft.request.redirect_uri) is not None:
        draft.request.response_mode = response.FORM_POST


def check_state(draft: Draft) -> None:
    """First of all, because every answer from here on repeats it."""
    if len(draft.parameters.getlist("state")) > 1:
        raise OAuthError("invalid_request", "A parameter is there twice.")
    _check_length(draft, "state")
    draft.request.state = draft.get("state")


def check_duplicates(draft: Draft) -> None:
    """No parameter twice (RFC 6749, section 3.1)."""
    if any(len(values) > 1 for _, values in draft.parameters.lists()):
        raise OAuthError("invalid_request", "A parameter is there twice.")


def check_lengths(draft: Draft) -> None:
    """Not more than a request needs."""
    for name in MAX_LENGTHS:
        _check_length(draft, name)
    if len("".join(map("".join, draft.parameters.items())).encode()) > MAX_LENGTH:
        raise OAuthError("invalid_request", f"The request is longer than {MAX_LENGTH} bytes.")


def _check_length(draft: Draft, name: str) -> None:
    if len(draft.parameters.get(name, "")) > MAX_LENGTHS[name]:
        raise OAuthError("invalid_request", f"The {name} is longer than {MAX_LENGTHS[name]} characters.")


def check_text(draft: Draft) -> None:
    """Nothing that cannot be stored and sent back."""
    try:
        for value in draft.parameters.values():
            canonical.check_text(value)
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
        raise OAuthError("invalid_request", f"The response_mode must be {' or '.join(response.MODES)}.")
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


def check_prompt(draft: Draft) -> None:
    """What the member is to be asked."""
    prompts = scopes.split(draft.get("prompt") or "")
    if any(prompt not in PROMPTS for prompt in prompts):
        raise OAuthError("invalid_request", f"The prompt must be of {', '.join(PROMPTS)}.")
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "The prompt none stands alone.")
    draft.request.prompt = prompts


def check_max_age(draft: Draft) -> None:
    """How old the log-in may be, in seconds."""
    max_age = draft.get("max_age")
    if max_age is None:
        return
    if not _MAX_AGE.fullmatch(max_age):
        raise OAuthError("invalid_request", "The max_age must be a number of seconds.")
    draft.request.max_age = int(max_age)


def check_acr_values(draft: Draft) -> None:
    """The classes of log-in that are wished for; they need not be met (section 3.1.2.1)."""
    draft.request.acr_values = scopes.split(draft.get("acr_values") or "")


def check_claims(draft: Draft) -> None:
    """The claims parameter (OpenID Connect Core 1.0, section 5.5); it may name the member it is about."""
    text = draft.get("claims")
    if text is None:
        return
    try:
        claims = canonical.loads(text)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise OAuthError("invalid_request", "The claims parameter must be a JSON object.")
    known = {place: claims[place] for place in PLACES if isinstance(claims.get(place), dict)}
    draft.request.claims = {place: _deliverable(known[place], draft.client) for place in known} or None
    subject = known.get("id_token", {}).get("sub")
    if isinstance(subject, dict) and isinstance(subject.get("value"), str):
        draft.request.subject = subject["value"]
    _note_acr(draft.request, known.get("id_token", {}).get("acr"))


def _note_acr(asked: AuthorizeRequest, acr: Any) -> None:
    """An `acr` asked for by the claims parameter (section 5.5.1.1); an essential one has to be met."""
    if not isinstance(acr, dict):
        return
    values = acr["values"] if isinstance(acr.get("values"), list) else [acr.get("value")]
    wanted = [value for value in values if isinstance(value, str)]
    if not wanted:
        return
    if acr.get("essential") is not True:
        asked.acr_values = [*asked.acr_values, *wanted]
        return
    if not any(value in assurance.ACRS for value in wanted):
        raise OAuthError("unmet_authentication_requirements", "None of the acr values is offered here.")
    asked.acr_values, asked.acr_essential = wanted, True


def _deliverable(asked: dict[str, Any], client: Client) -> dict[str, None]:
    """Of these claims, the ones that a scope of the application opens. The others are passed over."""
    openable = scopes.claims_of(client.scopes)
    return dict.fromkeys(sorted(name for name in asked if name in openable))


def check_hint(draft: Draft) -> None:
    """An ID token of ours, even an expired one, says which member is meant."""
    hint = draft.get("id_token_hint")
    if hint is None:
        return
    try:
        claims = draft.keyring.verify(
            hint, typ={tokens.ID_TOKEN_TYPE}, audience=draft.client.client_id, allow_expired=True
        )
    except InvalidToken:
        raise OAuthError("invalid_request", "The id_token_hint is not an ID token of this client.") from None
    draft.request.subject = claims["sub"]


def check_rest(draft: Draft) -> None:
    """What needs no check of its own. Other parameters are passed over (RFC 6749, section 3.1)."""
    draft.request.nonce = draft.get("nonce")
    draft.request.login_hint = draft.get("login_hint")


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
    check_prompt,
    check_max_age,
    check_acr_values,
    check_claims,
    check_hint,
    check_rest,
)


def check(draft: Draft) -> None:
    """Pass every check, or raise OAuthError at the first that fails."""
    for each in CHECKS:
        each(draft)
