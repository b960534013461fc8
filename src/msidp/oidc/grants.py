"""Grants in their table, and the codes that open them, each redeemed once.

Written for the token endpoint: Core statements built once, every claim one conditional UPDATE of the grant.
A code that comes a second time ends it (RFC 6749, section 4.1.2). `refresh_tokens` goes on from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ColumnElement, String, bindparam, case, insert, or_, select, update

from msidp import clock, ids
from msidp.oidc import lifetimes, pkce, scopes
from msidp.oidc.clients import Client
from msidp.oidc.models import Grant
from msidp.prepared import Core, Prepared

_grant: Any = Grant.__table__
_INSERT = Prepared(insert(_grant))
_INSERT_WITH_CODE = Prepared(insert(_grant))


@dataclass(frozen=True, slots=True)
class NewGrant:
    """What a member has just allowed."""

    client: Client
    member_id: str
    session_id: str
    scopes: list[str]
    nonce: str | None
    claims: dict[str, Any] | None
    authenticated_at: int
    methods: list[str]  # as applications see them (`amr`)
    acr: str
    resources: tuple[str, ...] = ()
    dpop_jkt: str | None = None  # the key that the request named (RFC 9449, section 10)


@dataclass(slots=True)
class Redeemed:
    """A live grant, reached with a code or a refresh token. `refresh_token` is the new one, if any."""

    grant_id: str
    member_id: str
    session_id: str | None
    scope: str
    nonce: str | None
    claims: dict[str, Any] | None
    authenticated_at: int
    methods: list[str]
    acr: str | None
    expires_at: int
    resources: list[str]
    offline: bool
    redirect_uri: str | None = None
    refresh_token: str | None = None

    # What Authlib's grants ask of a code or refresh token. The claim has already bound it to the client.

    def get_redirect_uri(self) -> str | None:
        """Where the code was sent."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """What the member allowed."""
        return self.scope

    def check_client(self, _client: Client) -> bool:
        """Whether it is this client's."""
        return True


@dataclass(frozen=True, slots=True)
class FirstRefreshToken:
    """What a grant gets where the member allowed it; without a token for a client that may have none."""

    COLUMNS: ClassVar[Mapping[str, Any]] = {  # each with the parameter that fills it
        "refresh_family": bindparam("refresh_hash", type_=String),
        "refresh_hash": bindparam("refresh_hash", type_=String),
        "refresh_issued_at": bindparam("refresh_issued_at", type_=BigInteger),
        "refresh_jkt": bindparam("refresh_jkt", type_=String),
    }

    token: str | None
    jkt: str | None  # the key that it is bound to

    @property
    def parameters(self) -> dict[str, Any]:
        """What its columns are filled with."""
        return {
            "refresh_hash": self.token and ids.hash_token(self.token),
            "refresh_issued_at": self.token and clock.now(),
            "refresh_jkt": self.jkt,
        }


class Refused(Exception):
    """A code or refresh token that buys nothing. The text is for the application's developer."""


def record(connection: Core, new: NewGrant) -> str:
    """Record what a member has allowed. Returns the grant's id."""
    values = _row_of(new)
    connection.run(_INSERT, values)
    grant_id: str = values["id"]
    return grant_id


def record_with_code(connection: Core, new: NewGrant, redirect_uri: str, challenge: str | None) -> str:
    """Record a finished authorization. Returns its code."""
    code, values = ids.new_token(), _row_of(new)
    values["code_hash"] = ids.hash_token(code)
    values["code_redirect_uri"] = redirect_uri
    values["code_challenge"] = challenge
    values["code_jkt"] = new.dpop_jkt
    values["code_expires_at"] = values["created_at"] + lifetimes.CODE
    connection.run(_INSERT_WITH_CODE, values)
    return code


def redeem_code(
    connection: Core,
    client: Client,
    code: str,
    redirect_uri: str | None,
    verifier: str | None,
    jkt: str | None,
    first: FirstRefreshToken,
) -> Redeemed | Refused:
    """Claim a code for its client and for the key of its DPoP proof, then look whether the rest is right too.

    In the same statement the grant gets its first refresh token, if the member allowed one. Whatever comes
    back, the transaction is to be committed: a code that met a wrong verifier is spent, and one that was
    spent before has ended its grant.
    """
    hashed, now = ids.hash_token(code), clock.now()
    known = {"hash": hashed, "application": client.application_id}
    claimed = connection.one(_CLAIM_CODE, known | first.parameters | {"jkt": jkt, "now": now})
    if claimed is None:
        return _refuse(connection, known)
    if claimed.code_redirect_uri != redirect_uri:
        return Refused("The redirect_uri is not the one of the authorization request.")
    if not pkce.proves(verifier, claimed.code_challenge):
        return Refused("The code_verifier does not answer the code_challenge of the authorization request.")
    if not stands(claimed, now):
        return over()
    found = redeemed(claimed)
    found.refresh_token = first.token if found.offline else None
    return found


def find_live(connection: Core, grant_id: str) -> Redeemed | Refused:
    """The grant, if it still stands."""
    row = connection.one(_FIND, {"grant": grant_id})
    return redeemed(row) if row is not None and stands(row, clock.now()) else over()


def stands(row: Any, now: int) -> bool:
    """Whether a grant was not revoked, and has not come to its end."""
    return row.revoked_at is None and row.expires_at > now


def over() -> Refused:
    """Of a grant that no longer stands."""
    return Refused("The member's grant has expired or was revoked.")


def unknown() -> Refused:
    """Of a code or refresh token that no grant is found by."""
    return Refused("It is unknown, has expired, or belongs to another client or key.")


def used_before(connection: Core, grant_id: str) -> Refused:
    """Of a code or refresh token that comes a second time, which ends its grant."""
    revoke(connection, grant_id)
    return Refused("It was used before; what may have been issued on it has been revoked.")


def redeemed(row: Any) -> Redeemed:
    """The grant of a row with these `COLUMNS`."""
    return Redeemed(
        grant_id=row.id,
        member_id=row.member_id,
        session_id=row.session_id,
        scope=row.scope,
        nonce=row.nonce,
        claims=row.claims,
        authenticated_at=row.authenticated_at,
        methods=row.methods,
        acr=row.acr,
        expires_at=row.expires_at,
        resources=row.resources,
        offline=row.offline,
        redirect_uri=row.code_redirect_uri,
    )


def revoke(connection: Core, grant_id: str) -> None:
    """End a grant, and with it all that was issued on it."""
    connection.run(_REVOKE, {"grant": grant_id, "now": clock.now()})


def revoke_by_client(connection: Core, client: Client, grant_id: str) -> None:
    """End a grant of this client; another's is left alone."""
    parameters = {"grant": grant_id, "application": client.application_id, "now": clock.now()}
    connection.run(_REVOKE_OF_CLIENT, parameters)


def of_key(jkt: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Bound to no key, or to the one whose DPoP proof came along (RFC 9449, sections 5 and 10)."""
    return or_(jkt.is_(None), jkt == bindparam("jkt", type_=String))


COLUMNS = (
    _grant.c.id,
    _grant.c.member_id,
    _grant.c.session_id,
    _grant.c.scope,
    _grant.c.offline,
    _grant.c.resources,
    _grant.c.nonce,
    _grant.c.claims,
    _grant.c.authenticated_at,
    _grant.c.methods,
    _grant.c.acr,
    _grant.c.expires_at,
    _grant.c.revoked_at,
    _grant.c.code_redirect_uri,
)
STANDING = (_grant.c.revoked_at.is_(None), _grant.c.expires_at > bindparam("now"))  # see stands()
_BY_CODE = (_grant.c.code_hash == bindparam("hash"), _grant.c.application_id == bindparam("application"))
_CLAIM_CODE = Prepared(
    update(_grant)
    .where(
        *_BY_CODE,
        _grant.c.code_redeemed_at.is_(None),
        _grant.c.code_expires_at > bindparam("now"),
        of_key(_grant.c.code_jkt),
    )
    .values(
        code_redeemed_at=bindparam("now"),
        **{name: case((_grant.c.offline, value)) for name, value in FirstRefreshToken.COLUMNS.items()},
    )
    .returning(*COLUMNS, _grant.c.code_challenge)
)
_SPENT_CODE = Prepared(select(_grant.c.id).where(*_BY_CODE, _grant.c.code_redeemed_at.is_not(None)))
_FIND = Prepared(select(*COLUMNS).where(_grant.c.id == bindparam("grant")))
_revoke = (
    update(_grant)
    .where(_grant.c.id == bindparam("grant"), _grant.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_REVOKE = Prepared(_revoke)
_REVOKE_OF_CLIENT = Prepared(_revoke.where(_grant.c.application_id == bindparam("application")))


def _row_of(new: NewGrant) -> dict[str, Any]:
    now = clock.now()
    offline = scopes.OFFLINE_ACCESS in new.scopes
    online = lifetimes.CODE + new.client.access_token_lifetime
    lifetime = new.client.refresh_token_lifetime if offline else online
    return {
        "id": ids.new_id("grt"),
        "application_id": new.client.application_id,
        "member_id": new.member_id,
        "session_id": new.session_id,
        "scope": " ".join(new.scopes),
        "offline": offline,
        "resources": list(new.resources),
        "nonce": new.nonce,
        "claims": new.claims,
        "authenticated_at": new.authenticated_at,
        "methods": new.methods,
        "acr": new.acr,
        "created_at": now,
        "expires_at": now + lifetime,
        "revoked_at": None,
    }


def _refuse(connection: Core, known: dict[str, Any]) -> Refused:
    """Tell the code that was redeemed before from the unknown or expired one."""
    spent = connection.one(_SPENT_CODE, known)
    return unknown() if spent is None else used_before(connection, spent.id)
