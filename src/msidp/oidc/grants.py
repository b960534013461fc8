"""Grants in the tables, and the codes that open them, each redeemed once.

Written for the token endpoint: Core statements built once, every claim one conditional UPDATE. A code
that comes a second time ends its whole grant (RFC 6749, section 4.1.2). `refresh_tokens` goes on from here.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, bindparam, insert, or_, select, update

from msidp import clock, ids
from msidp.oidc import lifetimes, pkce, scopes
from msidp.oidc.clients import Client
from msidp.oidc.models import AuthorizationCode, Grant
from msidp.prepared import Core, Prepared

_grant: Any = Grant.__table__
_code: Any = AuthorizationCode.__table__
_INSERT_GRANT = Prepared(insert(_grant))
_INSERT_CODE = Prepared(insert(_code))


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


class Refused(Exception):
    """A code or refresh token that buys nothing. The text is for the application's developer."""


def record(connection: Core, new: NewGrant) -> str:
    """Record what a member has allowed. Returns the grant's id."""
    now, grant_id = clock.now(), ids.new_id("grt")
    offline = scopes.OFFLINE_ACCESS in new.scopes
    online = lifetimes.CODE + new.client.access_token_lifetime
    lifetime = new.client.refresh_token_lifetime if offline else online
    connection.run(
        _INSERT_GRANT,
        {
            "id": grant_id,
            "application_id": new.client.application_id,
            "member_id": new.member_id,
            "session_id": new.session_id,
            "scope": " ".join(new.scopes),
            "resources": list(new.resources),
            "nonce": new.nonce,
            "claims": new.claims,
            "authenticated_at": new.authenticated_at,
            "methods": new.methods,
            "acr": new.acr,
            "created_at": now,
            "expires_at": now + lifetime,
            "revoked_at": None,
        },
    )
    return grant_id


def open_grant(connection: Core, new: NewGrant, redirect_uri: str, challenge: str | None) -> str:
    """Record a finished authorization. Returns its code."""
    grant_id, code = record(connection, new), ids.new_token()
    connection.run(
        _INSERT_CODE,
        {
            "code_hash": ids.hash_token(code),
            "grant_id": grant_id,
            "application_id": new.client.application_id,
            "redirect_uri": redirect_uri,
            "code_challenge": challenge,
            "dpop_jkt": new.dpop_jkt,
            "expires_at": clock.now() + lifetimes.CODE,
            "redeemed_at": None,
        },
    )
    return code


def redeem_code(
    connection: Core,
    client: Client,
    code: str,
    redirect_uri: str | None,
    verifier: str | None,
    jkt: str | None,
) -> Redeemed | Refused:
    """Claim a code for its client and for the key of its DPoP proof, then look whether the rest is right too.

    Whatever comes back, the transaction is to be committed: a code that met a wrong verifier is spent,
    and one that was spent before has ended its grant.
    """
    claimed = claim(connection, _CLAIM_CODE, client, code, jkt)
    if claimed is None:
        return refuse(connection, _SPENT_CODE, client, code)
    if claimed.redirect_uri != redirect_uri:
        return Refused("The redirect_uri is not the one of the authorization request.")
    if not pkce.proves(verifier, claimed.code_challenge):
        return Refused("The code_verifier does not answer the code_challenge of the authorization request.")
    found = find_live(connection, claimed.grant_id)
    if isinstance(found, Redeemed):
        found.redirect_uri = claimed.redirect_uri
    return found


def find_live(connection: Core, grant_id: str) -> Redeemed | Refused:
    """The grant, if it still stands."""
    row = connection.one(_LIVE, {"grant": grant_id, "now": clock.now()})
    if row is None:
        return Refused("The member's grant has expired or was revoked.")
    return Redeemed(
        grant_id=grant_id,
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
    )


def revoke(connection: Core, grant_id: str) -> None:
    """End a grant, and with it all that was issued on it."""
    connection.run(_REVOKE, {"grant": grant_id, "now": clock.now()})


def revoke_by_client(connection: Core, client: Client, grant_id: str) -> None:
    """End a grant of this client; another's is left alone."""
    parameters = {"grant": grant_id, "application": client.application_id, "now": clock.now()}
    connection.run(_REVOKE_OF_CLIENT, parameters)


def usable(table: Any) -> tuple[Any, ...]:
    """What has to hold of a code or refresh token: its client's, not used, not over, and of this key."""
    return (
        table.primary_key.columns[0] == bindparam("hash"),
        table.c.application_id == bindparam("application"),
        table.c.redeemed_at.is_(None),
        table.c.expires_at > bindparam("now"),
        of_key(table),
    )


def of_key(table: Any) -> Any:
    """Bound to no key, or to the one whose DPoP proof came along (RFC 9449, sections 5 and 10)."""
    return or_(table.c.dpop_jkt.is_(None), table.c.dpop_jkt == bindparam("jkt", type_=String))


def spent(table: Any) -> Prepared:
    """The grant behind a code or refresh token of this client that was used before."""
    return Prepared(
        select(table.c.grant_id).where(
            table.primary_key.columns[0] == bindparam("hash"),
            table.c.application_id == bindparam("application"),
            table.c.redeemed_at.is_not(None),
        )
    )


_CLAIM_CODE = Prepared(
    update(_code)
    .where(*usable(_code))
    .values(redeemed_at=bindparam("now"))
    .returning(_code.c.grant_id, _code.c.redirect_uri, _code.c.code_challenge)
)
_SPENT_CODE = spent(_code)
_LIVE = Prepared(
    select(_grant).where(
        _grant.c.id == bindparam("grant"),
        _grant.c.revoked_at.is_(None),
        _grant.c.expires_at > bindparam("now"),
    )
)
_revoke = (
    update(_grant)
    .where(_grant.c.id == bindparam("grant"), _grant.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_REVOKE = Prepared(_revoke)
_REVOKE_OF_CLIENT = Prepared(_revoke.where(_grant.c.application_id == bindparam("application")))


def claim(
    connection: Core, statement: Prepared, client: Client, secret: str, jkt: str | None, **more: Any
) -> Any:
    """Run a statement on what is `usable`: the row it returns, or None."""
    parameters = {
        "hash": ids.hash_token(secret),
        "application": client.application_id,
        "now": clock.now(),
        "jkt": jkt,
    }
    return connection.one(statement, parameters | more)


def refuse(connection: Core, spent_before: Prepared, client: Client, secret: str) -> Refused:
    """Tell the one that was redeemed before, which ends its grant, from the unknown or expired one."""
    parameters = {"hash": ids.hash_token(secret), "application": client.application_id}
    found = connection.one(spent_before, parameters)
    if found is None:
        return Refused("It is unknown, has expired, or belongs to another client or key.")
    revoke(connection, found.grant_id)
    return Refused("It was used before; what may have been issued on it has been revoked.")
