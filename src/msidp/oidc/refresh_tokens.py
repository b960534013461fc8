"""Refresh tokens in the table: each is used once and puts another in its place.

One that comes a second time ends its whole grant (RFC 6749, section 10.4; RFC 9700, section 4.14). Where the
application has a grace window, it answers with its successor once more, as long as that was not used: an
answer may have been lost. The successor is not stored but made again, from the token itself and a seed.

An application of the profile fapi2 keeps its refresh token: it is bound to the application's key, and
rotation would only lose it (FAPI 2.0 Security Profile, section 5.3.2.1).
"""

import hmac
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from msidp import base64url, clock, ids
from msidp.oidc import grants, scopes
from msidp.oidc.clients import Client
from msidp.oidc.grants import Redeemed, Refused
from msidp.oidc.models import Grant, RefreshToken
from msidp.prepared import Core, Prepared

PREFIX = "rt_"  # by which it is told from an access token

_grant: Any = Grant.__table__
_refresh: Any = RefreshToken.__table__
_CLAIM = Prepared(
    update(_refresh)
    .where(*grants.usable(_refresh))
    .values(redeemed_at=bindparam("now"), successor_seed=bindparam("seed"))
    .returning(_refresh.c.grant_id)
)
_INSERT = Prepared(insert(_refresh))
_FIND = Prepared(select(_refresh.c.grant_id).where(*grants.usable(_refresh)))
_SPENT = grants.spent(_refresh)
_JUST_SPENT = Prepared(
    select(_refresh.c.grant_id, _refresh.c.successor_seed).where(
        _refresh.c.token_hash == bindparam("hash"),
        _refresh.c.application_id == bindparam("application"),
        _refresh.c.redeemed_at > bindparam("now") - bindparam("grace"),
        _refresh.c.successor_seed.is_not(None),
        grants.of_key(_refresh),
    )
)
_REVOKE = Prepared(
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


def issue_first(connection: Core, client: Client, redeemed: Redeemed, jkt: str | None) -> Redeemed:
    """Give the grant its first refresh token, where the member allowed it and the client may have one.

    A public client's is bound to the key of its DPoP proof, if there was one (RFC 9449, section 5).
    """
    if scopes.OFFLINE_ACCESS not in redeemed.scope.split(" ") or not client.check_grant_type("refresh_token"):
        return redeemed
    return _issue(connection, client, redeemed, jkt, ids.new_token(PREFIX))


def redeem(
    connection: Core, client: Client, token: str, jkt: str | None, check: Callable[[Redeemed], None]
) -> Redeemed | Refused:
    """Claim a refresh token for its client and its key, and put another in its place.

    `check` may raise to leave everything as it was. Otherwise, whatever comes back, the transaction is
    to be committed.
    """
    if client.fapi:
        return _keep(connection, client, token, jkt, check)
    seed = secrets.token_urlsafe(32) if client.refresh_token_grace else None
    claimed = grants.claim(connection, _CLAIM, client, token, jkt, seed=seed)
    if claimed is None:
        return _again(connection, client, token, jkt, check)
    found = grants.find_live(connection, claimed.grant_id)
    if isinstance(found, Refused):
        return found
    check(found)
    successor = ids.new_token(PREFIX) if seed is None else _successor(token, seed)
    return _issue(connection, client, found, jkt, successor)


def revoke(connection: Core, client: Client, token: str) -> None:
    """End the grant behind this client's refresh token, also one that was redeemed before."""
    parameters = {"hash": ids.hash_token(token), "application": client.application_id, "now": clock.now()}
    connection.run(_REVOKE, parameters)


def _issue(connection: Core, client: Client, redeemed: Redeemed, jkt: str | None, token: str) -> Redeemed:
    connection.run(
        _INSERT,
        {
            "token_hash": ids.hash_token(token),
            "grant_id": redeemed.grant_id,
            "application_id": client.application_id,
            "created_at": clock.now(),
            "expires_at": redeemed.expires_at,
            "redeemed_at": None,
            "successor_seed": None,
            "dpop_jkt": jkt if client.public else None,
        },
    )
    redeemed.refresh_token = token
    return redeemed


def _keep(
    connection: Core, client: Client, token: str, jkt: str | None, check: Callable[[Redeemed], None]
) -> Redeemed | Refused:
    """Refresh with a token that stays good."""
    row = grants.claim(connection, _FIND, client, token, jkt)
    if row is None:
        return grants.refuse(connection, _SPENT, client, token)
    found = grants.find_live(connection, row.grant_id)
    if isinstance(found, Redeemed):
        check(found)
    return found


def _again(
    connection: Core, client: Client, token: str, jkt: str | None, check: Callable[[Redeemed], None]
) -> Redeemed | Refused:
    """A token that cannot be claimed: its successor once more within the grace window, else the end."""
    grace = client.refresh_token_grace
    row = grants.claim(connection, _JUST_SPENT, client, token, jkt, grace=grace) if grace else None
    if row is None:
        return grants.refuse(connection, _SPENT, client, token)
    successor = _successor(token, row.successor_seed)
    if grants.claim(connection, _FIND, client, successor, jkt) is None:
        return grants.refuse(connection, _SPENT, client, token)
    found = grants.find_live(connection, row.grant_id)
    if isinstance(found, Refused):
        return found
    check(found)
    found.refresh_token = successor
    return found


def _successor(token: str, seed: str) -> str:
    """Known only to whoever has the token as well as the table."""
    digest = hmac.digest(token.encode("utf-8", "surrogatepass"), seed.encode(), "sha256")
    return PREFIX + base64url.text(digest)
