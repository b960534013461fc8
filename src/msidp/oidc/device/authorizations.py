"""Device authorizations in the table: made by a device, decided by a member, redeemed once."""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Error
from sqlalchemy import bindparam, insert, select, update

from msidp import clock, ids
from msidp.oidc import grants, refresh_tokens
from msidp.oidc.clients import Client
from msidp.oidc.device import user_codes
from msidp.oidc.grants import Redeemed, Refused
from msidp.oidc.models import Application, DeviceAuthorization
from msidp.prepared import Core, Prepared

LIFETIME = 10 * clock.MINUTE
INTERVAL = 5  # seconds between two polls
_SLOWER = 5  # seconds more for a device that polls too often (RFC 8628, section 3.5)

_table: Any = DeviceAuthorization.__table__
_application: Any = Application.__table__
_INSERT = Prepared(insert(_table))
_BY_DEVICE_CODE = Prepared(
    select(_table).where(
        _table.c.device_code_hash == bindparam("hash"), _table.c.application_id == bindparam("application")
    )
)
_UNDECIDED = (
    _table.c.user_code_hash == bindparam("code"),
    _table.c.grant_id.is_(None),
    _table.c.denied_at.is_(None),
    _table.c.expires_at > bindparam("now"),
)
_PENDING = Prepared(
    select(_table.c.scope, _table.c.resources, _application.c.client_id)
    .join_from(_table, _application, _application.c.id == _table.c.application_id)
    .where(*_UNDECIDED)
)
_ALLOW = Prepared(update(_table).where(*_UNDECIDED).values(grant_id=bindparam("grant")))
_DENY = Prepared(update(_table).where(*_UNDECIDED).values(denied_at=bindparam("now")))
_POLLED = Prepared(
    update(_table)
    .where(_table.c.device_code_hash == bindparam("hash"))
    .values(polled_at=bindparam("now"), interval=bindparam("seconds"))
)
_CLAIM = Prepared(
    update(_table)
    .where(_table.c.device_code_hash == bindparam("hash"), _table.c.redeemed_at.is_(None))
    .values(redeemed_at=bindparam("now"))
    .returning(_table.c.grant_id)
)


@dataclass(frozen=True, slots=True)
class Pending:
    """What a device asks for, and a member has not decided."""

    client_id: str
    scopes: list[str]
    resources: tuple[str, ...]


class Later(OAuth2Error):  # type: ignore[misc]  # Authlib has no types
    """No token yet, or never: one of the errors of RFC 8628, section 3.5."""


def begin(connection: Core, client: Client, scopes: list[str], resources: list[str]) -> tuple[str, str]:
    """Record what a device asks for. Returns its device code and its user code."""
    device_code, user_code, now = ids.new_token("dc_"), user_codes.new(), clock.now()
    values = {
        "device_code_hash": ids.hash_token(device_code),
        "user_code_hash": ids.hash_token(user_code),
        "application_id": client.application_id,
        "scope": " ".join(scopes),
        "resources": resources,
        "interval": INTERVAL,
        "created_at": now,
        "expires_at": now + LIFETIME,
    }
    connection.run(_INSERT, values)
    return device_code, user_code


def find_pending(connection: Core, user_code: str) -> Pending | None:
    """What waits under this code for a member's decision."""
    row = connection.one(_PENDING, _undecided(user_code))
    return Pending(row.client_id, row.scope.split(" "), tuple(row.resources)) if row else None


def allow(connection: Core, user_code: str, grant_id: str) -> bool:
    """Let the device have this grant. False where the code was decided meanwhile, or is over."""
    return connection.run(_ALLOW, _undecided(user_code) | {"grant": grant_id}) == 1


def deny(connection: Core, user_code: str) -> None:
    """Send the device away."""
    connection.run(_DENY, _undecided(user_code))


def redeem(connection: Core, client: Client, device_code: str, jkt: str | None) -> Redeemed | Refused | Later:
    """What a polling device gets. Whatever comes back, the transaction is to be committed."""
    hashed, now = ids.hash_token(device_code), clock.now()
    parameters = {"hash": hashed, "application": client.application_id}
    row = connection.one(_BY_DEVICE_CODE, parameters)
    if row is None:
        return Refused("The device_code is unknown or belongs to another client.")
    if row.denied_at is not None:
        return Later("The member refused.", error="access_denied")
    if row.expires_at <= now and row.redeemed_at is None:
        return Later("The device_code has expired. Begin anew.", error="expired_token")
    if row.grant_id is None:
        return _wait(connection, row, now)
    claimed = connection.one(_CLAIM, {"hash": hashed, "now": now})
    if claimed is None:
        grants.revoke(connection, row.grant_id)
        return Refused("It was used before; what was issued on it has been revoked.")
    found = grants.find_live(connection, claimed.grant_id)
    return found if isinstance(found, Refused) else refresh_tokens.issue_first(connection, client, found, jkt)


def _wait(connection: Core, row: Any, now: int) -> Later:
    too_soon = row.polled_at is not None and now - row.polled_at < row.interval * clock.SECOND
    seconds = row.interval + (_SLOWER if too_soon else 0)
    connection.run(_POLLED, {"hash": row.device_code_hash, "now": now, "seconds": seconds})
    if too_soon:
        return Later(f"Wait {seconds} seconds between two requests.", error="slow_down")
    return Later("The member has not decided yet.", error="authorization_pending")


def _undecided(user_code: str) -> dict[str, Any]:
    return {"code": ids.hash_token(user_code), "now": clock.now()}
