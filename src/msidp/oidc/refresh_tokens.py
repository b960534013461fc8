"""Refresh tokens: a grant has one at a time, and using it puts the next in its place.

All that a grant ever has share their beginning, a secret of its own by which any of them finds it. One
that is not the newest was used before: it ends the grant (RFC 6749, section 10.4; RFC 9700, section 4.14).
Where the application has a grace window, the last one answers with its successor once more, as long as
that was not used: an answer may have been lost. The successor is not stored but made again, from the token
itself and a seed.

An application of the profile fapi2 keeps its refresh token: it is bound to the application's key, and
rotation would only lose it (FAPI 2.0 Security Profile, section 5.3.2.1).
"""

import hmac
import re
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select, update

from msidp import base64url, clock, ids
from msidp.oidc import grants
from msidp.oidc.clients import Client
from msidp.oidc.grants import FirstRefreshToken, Redeemed, Refused
from msidp.oidc.models import Grant
from msidp.prepared import Core, Prepared

PREFIX = "rt_"  # by which it is told from an access token
_FAMILY_ENDS = "."  # the first token of a family is its beginning alone
_FORM = re.compile(r"rt_[\w-]{43}(?:\.[\w-]{43})?", re.ASCII)  # a blank too many is a mistake and no theft

_grant: Any = Grant.__table__
_FAMILY = (
    _grant.c.refresh_family == bindparam("family"),
    _grant.c.application_id == bindparam("application"),
)
_ISSUE = Prepared(update(_grant).where(_grant.c.id == bindparam("grant")).values(FirstRefreshToken.COLUMNS))
NEWEST = (*_FAMILY, _grant.c.refresh_hash == bindparam("hash"))
_USABLE = (*NEWEST, *grants.STANDING, grants.of_key(_grant.c.refresh_jkt))
_ROTATE = Prepared(
    update(_grant)
    .where(*_USABLE)
    .values(
        refresh_hash=bindparam("successor"),
        refresh_issued_at=bindparam("now"),
        refresh_seed=bindparam("seed"),
        refresh_jkt=bindparam("bound_to"),
    )
    .returning(*grants.COLUMNS)
)
_FIND = Prepared(select(*grants.COLUMNS).where(*_USABLE))
_FIND_FAMILY = Prepared(
    select(
        *grants.COLUMNS,
        _grant.c.refresh_hash,
        _grant.c.refresh_issued_at,
        _grant.c.refresh_seed,
        _grant.c.refresh_jkt,
    ).where(*_FAMILY)
)
_REVOKE = Prepared(
    update(_grant).where(*_FAMILY, _grant.c.revoked_at.is_(None)).values(revoked_at=bindparam("now"))
)

Check = Callable[[Redeemed], None]


def lookup(client: Client, token: str) -> dict[str, Any]:
    """What `NEWEST` asks for."""
    return {
        "family": ids.hash_token(token.partition(_FAMILY_ENDS)[0]),
        "hash": ids.hash_token(token),
        "application": client.application_id,
    }


def first(client: Client, jkt: str | None) -> FirstRefreshToken:
    """The first one of a grant, for a client that may have one."""
    token = ids.new_token(PREFIX) if client.check_grant_type("refresh_token") else None
    return FirstRefreshToken(token, _bound_to(client, jkt))


def issue_first(connection: Core, client: Client, redeemed: Redeemed, jkt: str | None) -> Redeemed:
    """Give the grant its first refresh token, where the member allowed it and the client may have one."""
    issued = first(client, jkt)
    if redeemed.offline and issued.token is not None:
        connection.run(_ISSUE, issued.parameters | {"grant": redeemed.grant_id})
        redeemed.refresh_token = issued.token
    return redeemed


def redeem(connection: Core, client: Client, token: str, jkt: str | None, check: Check) -> Redeemed | Refused:
    """Claim a refresh token for its client and its key, and put another in its place.

    `check` may raise to leave everything as it was. Otherwise, whatever comes back, the transaction is
    to be committed.
    """
    if not _FORM.fullmatch(token):
        return grants.unknown()
    known = lookup(client, token) | {"jkt": jkt, "now": clock.now()}
    if client.fapi:
        row, successor = connection.one(_FIND, known), None
    else:
        seed = secrets.token_urlsafe(32) if client.refresh_token_grace else None
        successor = _successor(token, seed)
        rotated = {"successor": ids.hash_token(successor), "seed": seed, "bound_to": _bound_to(client, jkt)}
        row = connection.one(_ROTATE, known | rotated)
    if row is None:
        return _again(connection, client, token, known, check)
    return _checked(row, successor, check)


def revoke(connection: Core, client: Client, token: str) -> None:
    """End the grant behind this client's refresh token, also one that was redeemed before."""
    if _FORM.fullmatch(token):
        connection.run(_REVOKE, lookup(client, token) | {"now": clock.now()})


def _bound_to(client: Client, jkt: str | None) -> str | None:
    """The key that the next token is bound to: a public client's that has shown one (RFC 9449, section 5)."""
    return jkt if client.public else None


def _checked(row: Any, successor: str | None, check: Check) -> Redeemed:
    found = grants.redeemed(row)
    check(found)
    found.refresh_token = successor
    return found


def _again(
    connection: Core, client: Client, token: str, known: dict[str, Any], check: Check
) -> Redeemed | Refused:
    """A token that cannot be claimed: its successor once more within the grace window, else the end."""
    row = connection.one(_FIND_FAMILY, known)
    if row is None:
        return grants.unknown()
    if not grants.stands(row, known["now"]):
        return grants.over()
    if row.refresh_hash == known["hash"]:
        return grants.unknown()  # of another key
    successor = _made_again(client, token, row, known)
    return _checked(row, successor, check) if successor else grants.used_before(connection, row.id)


def _made_again(client: Client, token: str, row: Any, known: dict[str, Any]) -> str | None:
    """The newest token of the family, if this one is the last before it and the window is still open."""
    window_ends = row.refresh_issued_at + client.refresh_token_grace
    if row.refresh_seed is None or window_ends <= known["now"] or row.refresh_jkt not in (None, known["jkt"]):
        return None
    successor = _successor(token, row.refresh_seed)
    return successor if ids.hash_token(successor) == row.refresh_hash else None


def _successor(token: str, seed: str | None) -> str:
    """Another one of its family: a random one, or one that only who has the token and the seed can make."""
    beginning = token.partition(_FAMILY_ENDS)[0] + _FAMILY_ENDS
    if seed is None:
        return ids.new_token(beginning)
    digest = hmac.digest(token.encode("utf-8", "surrogatepass"), seed.encode(), "sha256")
    return beginning + base64url.text(digest)
