"""Grants and what follows from them, in the tables: codes and refresh tokens, each redeemed once.

Written for the token endpoint: Core statements built once, every claim one conditional UPDATE. A code
or refresh token that comes a second time ends its whole grant (RFC 6749, sections 4.1.2 and 10.4;
RFC 9700, section 4.14).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from msidp import clock, ids
from msidp.oidc import lifetimes, pkce, scopes
from msidp.oidc.clients import Client
from msidp.oidc.models import AuthorizationCode, Grant, RefreshToken

REFRESH_TOKEN_PREFIX = "rt_"  # noqa: S105  # by which it is told from an access token

_grant: Any = Grant.__table__
_code: Any = AuthorizationCode.__table__
_refresh: Any = RefreshToken.__table__


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


@dataclass(frozen=True, slots=True)
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


def open_grant(connection: Connection, new: NewGrant, redirect_uri: str, challenge: str | None) -> str:
    """Record a finished authorization. Returns its code."""
    now = clock.now()
    offline = scopes.OFFLINE_ACCESS in new.scopes
    online = lifetimes.CODE + new.client.access_token_lifetime
    lifetime = new.client.refresh_token_lifetime if offline else online
    grant_id, code = ids.new_id("grt"), ids.new_token()
    connection.execute(
        insert(_grant),
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
    connection.execute(
        insert(_code),
        {
            "code_hash": ids.hash_token(code),
            "grant_id": grant_id,
            "application_id": new.client.application_id,
            "redirect_uri": redirect_uri,
            "code_challenge": challenge,
            "dpop_jkt": new.dpop_jkt,
            "expires_at": now + lifetimes.CODE,
            "redeemed_at": None,
        },
    )
    return code


def redeem_code(
    connection: Connection, client: Client, code: str, redirect_uri: str | None, verifier: str | None
) -> Redeemed | Refused:
    """Claim a code for its client, then look whether the rest is right too.

    Whatever comes back, the transaction is to be committed: a code that met a wrong verifier is spent,
    and one that was spent before has ended its grant.
    """
    claimed = _claim(connection, _CLAIM_CODE, client, code)
    if claimed is None:
        return _refuse(connection, _code, client, code)
    if claimed.redirect_uri != redirect_uri:
        return Refused("The redirect_uri is not the one of the authorization request.")
    if not pkce.proves(verifier, claimed.code_challenge):
        return Refused("The code_verifier does not answer the code_challenge of the authorization request.")
    return _live(connection, client, claimed.grant_id, claimed.redirect_uri)


def redeem_refresh_token(
    connection: Connection, client: Client, token: str, check: Callable[[Redeemed], None]
) -> Redeemed | Refused:
    """Claim a refresh token for its client and put another in its place.

    `check` may raise to leave everything as it was. Otherwise, whatever comes back, the transaction is
    to be committed.
    """
    claimed = _claim(connection, _CLAIM_REFRESH_TOKEN, client, token)
    if claimed is None:
        return _refuse(connection, _refresh, client, token)
    redeemed = _live(connection, client, claimed.grant_id)
    if isinstance(redeemed, Redeemed):
        check(redeemed)
    return redeemed


def revoke(connection: Connection, grant_id: str) -> None:
    """End a grant, and with it all that was issued on it."""
    connection.execute(_REVOKE, {"grant": grant_id, "now": clock.now()})


def revoke_by_client(connection: Connection, client: Client, grant_id: str) -> None:
    """End a grant of this client; another's is left alone."""
    parameters = {"grant": grant_id, "application": client.application_id, "now": clock.now()}
    connection.execute(_REVOKE_OF_CLIENT, parameters)


def revoke_by_refresh_token(connection: Connection, client: Client, token: str) -> None:
    """End the grant behind this client's refresh token, also one that was redeemed before."""
    parameters = {"hash": ids.hash_token(token), "application": client.application_id, "now": clock.now()}
    connection.execute(_REVOKE_BY_REFRESH_TOKEN, parameters)


def _claiming(table: Any, *returned: Any) -> Any:
    hashed = table.primary_key.columns[0]
    return (
        update(table)
        .where(
            hashed == bindparam("hash"),
            table.c.application_id == bindparam("application"),
            table.c.redeemed_at.is_(None),
            table.c.expires_at > bindparam("now"),
        )
        .values(redeemed_at=bindparam("now"))
        .returning(table.c.grant_id, *returned)
    )


_CLAIM_CODE = _claiming(_code, _code.c.redirect_uri, _code.c.code_challenge)
_CLAIM_REFRESH_TOKEN = _claiming(_refresh)
_LIVE = select(_grant).where(
    _grant.c.id == bindparam("grant"), _grant.c.revoked_at.is_(None), _grant.c.expires_at > bindparam("now")
)
_REVOKE = (
    update(_grant)
    .where(_grant.c.id == bindparam("grant"), _grant.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_REVOKE_OF_CLIENT = _REVOKE.where(_grant.c.application_id == bindparam("application"))
_REVOKE_BY_REFRESH_TOKEN = (
    update(_grant)
    .where(
        _grant.c.id
        == select(_refresh.c.grant_id)
        .where(
            _refresh.c.token_hash == bindparam("hash"),
            _refresh.c.application_id == bindparam("application"),
        )
        .scalar_subquery(),
        _grant.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
)
_SPENT = {
    table: select(table.c.grant_id).where(
        table.primary_key.columns[0] == bindparam("hash"),
        table.c.application_id == bindparam("application"),
        table.c.redeemed_at.is_not(None),
    )
    for table in (_code, _refresh)
}


def _claim(connection: Connection, statement: Any, client: Client, secret: str) -> Any:
    parameters = {
        "hash": ids.hash_token(secret),
        "application": client.application_id,
        "now": clock.now(),
    }
    return connection.execute(statement, parameters).one_or_none()


def _refuse(connection: Connection, table: Any, client: Client, secret: str) -> Refused:
    """Tell the one that was redeemed before, which ends its grant, from the unknown or expired one."""
    parameters = {"hash": ids.hash_token(secret), "application": client.application_id}
    grant_id = connection.execute(_SPENT[table], parameters).scalar_one_or_none()
    if grant_id is None:
        return Refused("It is unknown, has expired or belongs to another client.")
    connection.execute(_REVOKE, {"grant": grant_id, "now": clock.now()})
    return Refused("It was used before; what may have been issued on it has been revoked.")


def _live(
    connection: Connection, client: Client, grant_id: str, redirect_uri: str | None = None
) -> Redeemed | Refused:
    """The grant, if it still stands, with a new refresh token where the client is to have one."""
    now = clock.now()
    row = connection.execute(_LIVE, {"grant": grant_id, "now": now}).one_or_none()
    if row is None:
        return Refused("The member's grant has expired or was revoked.")
    refresh_token = None
    if scopes.OFFLINE_ACCESS in row.scope.split(" ") and client.check_grant_type("refresh_token"):
        refresh_token = ids.new_token(REFRESH_TOKEN_PREFIX)
        connection.execute(
            insert(_refresh),
            {
                "token_hash": ids.hash_token(refresh_token),
                "grant_id": grant_id,
                "application_id": client.application_id,
                "created_at": now,
                "expires_at": row.expires_at,
                "redeemed_at": None,
            },
        )
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
        redirect_uri=redirect_uri,
        refresh_token=refresh_token,
    )
