"""GET and POST /userinfo: the claims that an access token opens (OpenID Connect Core 1.0, section 5.3)."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request
from pydantic_core import to_json
from sqlalchemy import bindparam, select

from msidp import clock, dispatch
from msidp.db import core_reading
from msidp.errors import UNREADABLE, Problem
from msidp.keys.keyring import InvalidToken, keyring
from msidp.members.models import Member
from msidp.oidc import claims, cors, dpop, dpop_nonces, grants, scopes, tokens
from msidp.oidc.models import Grant
from msidp.prepared import Prepared

BEARER, DPOP = "Bearer", "DPoP"
_DPOP_ALGORITHMS = f'algs="{" ".join(dpop.ALGORITHMS)}"'

bp = Blueprint("userinfo", __name__)
cors.allow_applications(bp)
dpop_nonces.supply(bp)
dispatch.quick(bp)

_grant: Any = Grant.__table__
_member: Any = Member.__table__
_MEMBER = Prepared(
    select(
        _member.c.id,
        _member.c.email,
        _member.c.verified,
        _member.c.profile,
        _member.c.updated_at,
        _grant.c.claims,
    )
    .join_from(_grant, _member, _grant.c.member_id == _member.c.id)
    .where(_grant.c.id == bindparam("grant"), *grants.STANDING)
)


class _Refused(Exception):
    """An error of RFC 6750, section 3.1; without a code where no token was sent at all.

    `scheme` is the one that the caller should have used.
    """

    def __init__(
        self, status: int, error: str | None = None, description: str = "", scheme: str = BEARER
    ) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
        self.scheme = scheme


@dataclass(frozen=True, slots=True)
class _Presented:
    """A token as it was sent: as a bearer's, or together with a proof (RFC 9449, section 7.1)."""

    scheme: str
    token: str


@bp.route("/userinfo", methods=["GET", "POST"])
def userinfo() -> Response:
    """The member behind the access token, as far as its scopes go."""
    return _answer(answer_of(_verify(_read_token())))


def answer_of(token: dict[str, Any]) -> dict[str, Any]:
    """What userinfo says to an access token with these claims."""
    granted = scopes.split(token.get("scope", ""))
    if scopes.OPENID not in granted:
        raise _Refused(403, "insufficient_scope", "The token is not for openid.")
    member = _member_behind(token.get(tokens.GRANT_CLAIM))
    names = scopes.claims_of(granted) | claims.requested(member.claims, "userinfo")
    return {"sub": token["sub"], **claims.member_claims(member, names)}


@bp.errorhandler(_Refused)
def _refuse(refused: _Refused) -> Response:
    body = {}
    parameters = []
    if refused.error is not None:
        body = {"error": refused.error, "error_description": refused.description}
        parameters = [f'error="{refused.error}"', f'error_description="{refused.description}"']
        if refused.status == 403:
            parameters.append(f'scope="{scopes.OPENID}"')
    response = _answer(body)
    response.status_code = refused.status
    for scheme in (refused.scheme,) if refused.error else (BEARER, DPOP):
        algorithms = [_DPOP_ALGORITHMS] if scheme == DPOP else []
        challenge = f"{scheme} {', '.join(parameters + algorithms)}"
        response.headers.add("WWW-Authenticate", challenge.strip())
    return response


def _refuse_unreadable(problem: Problem) -> Response:
    return _refuse(_Refused(problem.status, "invalid_request", str(problem)))


for _kind in UNREADABLE:
    bp.register_error_handler(_kind, _refuse_unreadable)


def _read_token() -> _Presented:
    """The one access token of this request: in the header, or in the body of a POST (RFC 6750, section 2)."""
    header = request.headers.get("Authorization")
    fields = request.form.getlist("access_token") if request.method == "POST" else []
    if len(fields) + (header is not None) > 1:
        raise _Refused(400, "invalid_request", "The request carries more than one token.")
    if fields:
        return _Presented(BEARER, fields[0])
    if header is None:
        raise _Refused(401)
    scheme, _, token = header.partition(" ")
    known = {BEARER.lower(): BEARER, DPOP.lower(): DPOP}.get(scheme.lower())
    if known is None:
        raise _Refused(401)
    return _Presented(known, token.strip())


def _member_behind(grant_id: Any) -> Any:
    """The member whose live grant this is, by one indexed query."""
    if not isinstance(grant_id, str):
        raise _invalid()
    with core_reading() as connection:
        parameters = {"grant": grant_id, "now": clock.now()}
        member = connection.one(_MEMBER, parameters)
    if member is None:
        raise _invalid()
    return member


def _verify(presented: _Presented) -> dict[str, Any]:
    """The claims of a token that is good here, sent by whoever has its key where it is bound to one."""
    ring = keyring()
    try:
        claims = ring.verify(presented.token, typ={tokens.ACCESS_TOKEN_TYPE}, audience=ring.issuer)
    except InvalidToken:
        raise _invalid(presented.scheme) from None
    bound_to = claims.get("cnf", {}).get("jkt")
    if bound_to is None and presented.scheme == DPOP:
        raise _Refused(401, "invalid_token", "The token is bound to no key.")
    if bound_to is not None:
        _prove(presented, bound_to, f"{ring.issuer}/userinfo")
    return claims


def _prove(presented: _Presented, bound_to: str, url: str) -> None:
    """See that the request comes from the holder of the key (RFC 9449, section 7)."""
    if presented.scheme != DPOP:
        raise _Refused(401, "invalid_token", "The token is bound to a key: use the scheme DPoP.", DPOP)
    proof = request.headers.get("DPoP")
    if proof is None:
        raise _Refused(401, "invalid_dpop_proof", "The token is bound to a key: send a proof in DPoP.", DPOP)
    try:
        jkt = dpop.verify(proof, request.method, url, presented.token)
    except dpop.InvalidProof as error:
        raise _Refused(401, error.error, str(error.description), DPOP) from None
    if jkt != bound_to:
        raise _Refused(401, "invalid_token", "The token is bound to another key.", DPOP)


def _invalid(scheme: str = BEARER) -> _Refused:
    return _Refused(401, "invalid_token", "The token has expired, was revoked or is not one of ours.", scheme)


def _answer(body: dict[str, Any]) -> Response:
    return Response(to_json(body), mimetype="application/json")
