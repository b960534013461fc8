"""A log-in that an operator tries out: a real request of an application's, whose answer comes back to us.

Its redirect URI is the dashboard's and registered for no application. No request from outside may name it:
`begin` alone makes a request with it, and pushes it as the application would (RFC 9126). The browser that
began it is the only one in which it ends, by a sealed cookie that belongs to one operator's session; whose
nonce and PKCE verifier are in there too. What is issued is revoked before anybody sees it.
"""

import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from flask import current_app
from werkzeug.datastructures import MultiDict

from msidp import canonical, clock, ids
from msidp.accounts.browser import read_cookie, send_cookie
from msidp.db import core_transaction, transaction
from msidp.errors import Invalid
from msidp.keys.keyring import keyring
from msidp.oidc import grants, lifetimes, pkce, refresh_tokens, subjects, token_grants, userinfo
from msidp.oidc.authorize import checks, pushed
from msidp.oidc.authorize.draft import Draft
from msidp.oidc.authorize.errors import OAuthError
from msidp.oidc.authorize.request import AuthorizeRequest
from msidp.oidc.clients import Client
from msidp.oidc.tokens import Terms
from msidp.settings import Settings
from msidp.vault.fields import CannotOpen, FieldCipher

COOKIE = "trial"


@dataclass(frozen=True, slots=True)
class Trial:
    """What the browser that began a trial keeps, sealed. `owner` is the operator's session."""

    application_id: str
    owner: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    begun_at: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial went: the token endpoint's answer and userinfo's. Nothing of it is good for anything."""

    answer: dict[str, Any]
    userinfo: dict[str, Any]
    member_id: str


def begin(client: Client, owner: str, redirect_uri: str, scope: str) -> str:
    """Begin a trial in this browser. Returns the local path of the request. Raises Invalid."""
    trial = Trial(
        client.application_id,
        owner,
        redirect_uri,
        state=ids.new_token(),
        nonce=ids.new_token(),
        verifier=ids.new_token(),
        begun_at=clock.now(),
    )
    parameters = MultiDict(
        {
            "response_type": "code",
            "scope": scope,
            "state": trial.state,
            "nonce": trial.nonce,
            "code_challenge": pkce.challenge_of(trial.verifier),
            "code_challenge_method": "S256",
        }
    )
    asked = AuthorizeRequest(client.client_id, redirect_uri)
    try:
        checks.check(Draft(parameters, client, keyring(), asked))
    except OAuthError as error:
        details = [{"field": "scope", "message": error.description}]
        raise Invalid(error.error.replace("_", "-"), error.description, details=details) from None
    asked.trial = ids.hash_token(trial.state)
    with transaction() as session:
        uri = pushed.store(session, client.application_id, asked)
    send_cookie(
        COOKIE, _cipher().seal(canonical.dumps(asdict(trial)), COOKIE), lifetimes.AUTHORIZATION_REQUEST
    )
    return f"/authorize?{urlencode({'client_id': client.client_id, 'request_uri': uri})}"


def is_here(asked: AuthorizeRequest) -> bool:
    """Whether this request is none of ours to try, or was begun in this very browser."""
    if asked.trial is None:
        return True
    trial = _present()
    return trial is not None and hmac.compare_digest(ids.hash_token(trial.state), asked.trial)


def take(owner: str, state: str) -> Trial | None:
    """End this browser's trial: what its owner began with this state. None where there is no such trial."""
    trial = _present()
    if trial is None:
        return None
    send_cookie(COOKIE, None)
    is_this = hmac.compare_digest(ids.hash_token(trial.state), ids.hash_token(state))
    return trial if is_this and trial.owner == owner else None


def run(client: Client, trial: Trial, code: str) -> Outcome:
    """Exchange the code, ask userinfo, and revoke what was issued. Raises Refused.

    As /token would; but that the application need not prove who it is, for its secret is its own.
    """
    jkt = ids.new_token() if client.require_dpop else None  # of a key that nobody has
    try:
        for algorithm in {client.access_token_alg, client.id_token_alg}:
            keyring().prepare(algorithm)
        subjects.prepare(client)
    except CannotOpen:
        raise grants.Refused("Tokens cannot be signed at present.") from None
    with core_transaction() as connection:
        first = refresh_tokens.first(client, jkt)
        redeemed = grants.redeem_code(
            connection, client, code, trial.redirect_uri, trial.verifier, jkt, first
        )
    if isinstance(redeemed, grants.Refused):
        raise redeemed
    try:
        terms = Terms(redeemed.scope, list(redeemed.resources) or [keyring().issuer, client.client_id], jkt)
        answer = token_grants.answer(client, redeemed, terms, redeemed.nonce)
        told = userinfo.answer_of(keyring().verify(answer["access_token"], typ={"at+jwt"}))
    finally:
        with core_transaction() as connection:
            grants.revoke(connection, redeemed.grant_id)
    return Outcome(answer, told, redeemed.member_id)


def _present() -> Trial | None:
    sealed = read_cookie(COOKIE)
    try:
        trial = Trial(**json.loads(_cipher().open(sealed, COOKIE))) if sealed else None
    except (CannotOpen, ValueError, TypeError):
        return None
    if trial is None or not 0 <= clock.now() - trial.begun_at < lifetimes.AUTHORIZATION_REQUEST:
        return None
    return trial


def _cipher() -> FieldCipher:
    settings: Settings = current_app.extensions["msidp_settings"]
    return FieldCipher(settings.secret_keys, "trials")
