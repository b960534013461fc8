"""Throttles on failed log-ins: a few per account, more per address, counted in fixed windows.

Each factor has counters of its own: whoever guesses at passwords shuts nobody out of their second factor,
and who has the password gets few guesses at six digits. Only failures count, so that many people behind
one address do not shut each other out. An attempt takes its place in every counter before anything is
looked at, and gives it back unless it fails: of a hundred sent at once no more are looked at than of a
hundred in a row. The counts live on the queue's Valkey; without it nothing is refused, for a log-in matters
more than its throttle.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import redis
import structlog
from flask import current_app

from msidp import ids, queue
from msidp.errors import Invalid, TooManyRequests
from msidp.members.emails import normalise
from msidp.settings import Settings
from msidp.words import counted

WINDOW = 15 * 60  # seconds
DAY = 24 * 60 * 60
log = structlog.get_logger(__name__)

# ARGV: the limit and the window of each key. A place in all of them, or in none: then how long to wait.
_TAKE = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then
    wait = math.max(wait, redis.call('TTL', key), 1)
  end
end
if wait == 0 then
  for i, key in ipairs(KEYS) do
    redis.call('INCR', key)
    redis.call('EXPIRE', key, ARGV[2 * i], 'NX')
  end
end
return wait
"""
# A window that has ended meanwhile took the place along.
_GIVE_BACK = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
end
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures a subject has in one window (seconds)."""

    key: str
    failures: int
    window: int = WINDOW


def limits(account: str | None, address: str | None, kind: str = "") -> list[Limit]:
    """What counts for an attempt on this account (its key; None for no usable one) from this address.

    Each `kind` of account has counters of its own; members are the one without a name.
    """
    found = [Limit(_key(f"{kind}account", account), 20)] if account else []
    return found + _of_address(kind, address, 100)


def password_limits(community_id: str, email: str, address: str | None) -> list[Limit]:
    """What counts for a password of the member with this address, whether or not there is one."""
    try:
        account = f"{community_id} {normalise(email).key}"
    except Invalid:
        account = None
    return limits(account, address)


def code_limits(owner_id: str, address: str | None, kind: str = "") -> list[Limit]:
    """What counts for a code of a second factor: of a million codes three are right at any moment."""
    found = [Limit(_key("codes", owner_id), 10), Limit(_key("codes-of-a-day", owner_id), 50, DAY)]
    return found + _of_address(f"{kind}codes", address, 100)


def mailed_code_limits(account: str, address: str | None) -> list[Limit]:
    """What counts for a code that was mailed: each has five tries of its own, too."""
    return [Limit(_key("mailed-codes", account), 20, DAY), *_of_address("mailed-codes", address, 100)]


def mail_limits(account: str, address: str | None) -> list[Limit]:
    """What counts for mails that somebody asks for: here every one counts, whether or not it is sent."""
    found = [Limit(_key("mails", account), 10), Limit(_key("mails-of-a-day", account), 40, DAY)]
    return found + _of_address("mails", address, 50)


def _of_address(factor: str, address: str | None, failures: int) -> list[Limit]:
    """The limit of one factor for an address; loopback is treated generously."""
    if not address or (network := _network(address)) is None:
        return []
    kind = f"{factor}-address" if factor else "address"
    return [Limit(_key(kind, str(network)), 1000 if network.is_loopback else failures)]


def request_limits(purpose: str, address: str | None) -> list[Limit]:
    """What counts for requests of one kind that write something for whoever sends them, in a minute."""
    network = _network(address) if address else None
    return [Limit(_key(purpose, str(network)), 3000 if network.is_loopback else 100, 60)] if network else []


class Attempt:
    """A try that has its place in the counters."""

    def __init__(self) -> None:
        self.has_failed = False

    def failed(self) -> None:
        """Let it count."""
        self.has_failed = True


@contextmanager
def attempt(limits_: list[Limit]) -> Iterator[Attempt]:
    """Try something that counts where it fails, which the block says.

    Raises TooManyRequests with Retry-After where there were too many failures, those included that are
    being tried at this moment.
    """
    has_place = take(limits_)
    tried = Attempt()
    try:
        yield tried
    finally:
        if has_place and not tried.has_failed:
            _run(_GIVE_BACK, limits_)


def take(limits_: list[Limit]) -> bool:
    """Count what the limits are about once more. Raises TooManyRequests where there were too many.

    False where nothing is counted: throttles are off, or the queue is away.
    """
    wait = _run(_TAKE, limits_, *(number for limit in limits_ for number in (limit.failures, limit.window)))
    if wait:
        message = counted(
            "Too many attempts failed. Please wait a minute, then try again.",
            "Too many attempts failed. Please wait %(num)d minutes, then try again.",
            -(-wait // 60),
        )
        raise TooManyRequests("too-many-attempts", message, headers={"Retry-After": str(wait)})
    return wait is not None


def _run(script: str, limits_: list[Limit], *arguments: int) -> int | None:
    """What the script says of the limits' keys; None where throttles are off or the queue is away."""
    settings: Settings = current_app.extensions["msidp_settings"]
    if not limits_ or not settings.rate_limits:
        return None
    try:
        keys = [limit.key for limit in limits_]
        return int(queue.connection().eval(script, len(keys), *keys, *arguments) or 0)
    except redis.RedisError as error:
        log.warning("throttles cannot be counted", error=str(error))
        return None


def _key(kind: str, subject: str) -> str:
    return f"msidp:login-failures:{kind}:{ids.hash_token(subject)}"


def _network(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """What one attacker holds: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if found.is_loopback or found.version == 4:
        return ipaddress.ip_network(found)
    return ipaddress.ip_network((int(found), 64), strict=False)
