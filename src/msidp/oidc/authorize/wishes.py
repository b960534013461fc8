"""The checks of what a request says of the member: how they log in, who it is, what is told of them."""

import re
from typing import Any

from msidp import canonical, languages
from msidp.accounts import assurance
from msidp.keys.keyring import InvalidToken
from msidp.oidc import scopes, tokens
from msidp.oidc.authorize.draft import Draft
from msidp.oidc.authorize.errors import OAuthError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.claims import PLACES
from msidp.oidc.clients import Client

PROMPTS = ("none", "login", "consent", "select_account", "create")
_MAX_AGE = re.compile(r"[0-9]{1,9}")


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


def note_rest(draft: Draft) -> None:
    """What needs no check of its own. Other parameters are passed over (RFC 6749, section 3.1)."""
    draft.request.nonce = draft.get("nonce")
    draft.request.login_hint = draft.get("login_hint")
    draft.request.language = languages.best((draft.get("ui_locales") or "").split(" "))
