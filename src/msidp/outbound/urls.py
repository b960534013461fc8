"""Which URLs may be saved as a target. What a name resolves to is checked again whenever it is dialled."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, ip_address
from typing import Self
from urllib.parse import SplitResult, urlsplit

from msidp.errors import Invalid
from msidp.outbound.addresses import AddressPolicy
from msidp.settings import Settings

DEFAULT_PORTS = {"https": 443, "http": 80}
_NOT_IPV6 = "its host is not an IPv6 address"
MAX_LENGTH = 2048
_TEXT = re.compile(r"[\x21-\x7e]+\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_HINT_HTTP = " (MSIDP_OUTBOUND_ALLOW_HTTP=1 allows http:// on an instance for development)"
_HINT_ADDRESS = " (MSIDP_OUTBOUND_ALLOW_NETWORKS names networks to allow)"
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What the operator allows of outgoing requests."""

    addresses: AddressPolicy
    allow_http: bool = False
    own: tuple[str, int] | None = None  # this instance's host and port: a request to itself is a loop

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The policy that these settings ask for."""
        own = urlsplit(settings.base_url)
        return cls(
            AddressPolicy(settings.outbound_allow_networks),
            settings.outbound_allow_http,
            (_loopback_or(own.hostname or ""), own.port or DEFAULT_PORTS[own.scheme]),
        )


def check_url(url: str, policy: OutboundPolicy) -> str:
    """The URL, if it may be saved as a target; raises Invalid, with the reason, if not.

    Allowed: https (http where the policy says so) on port 443, 8443 or above 1023 (80 too with http), a
    plain host name or a public IP address, at most 2,048 printable ASCII characters, no user name, no
    fragment.
    """
    _check_text(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # which broken brackets raise, and where, changes with Python's version
        raise _refuse(_NOT_IPV6 if "://[" in url else "it is not a valid URL") from None
    if not parts.scheme or not parts.netloc:
        raise _refuse("it is not an absolute URL, such as https://example.com/path")
    if parts.scheme != "https" and not (policy.allow_http and parts.scheme == "http"):
        raise _refuse("only https:// is allowed" + (_HINT_HTTP if parts.scheme == "http" else ""))
    if "@" in parts.netloc:
        raise _refuse("a user name or password in it is not allowed")
    port = port if port is not None else DEFAULT_PORTS[parts.scheme]
    _check_port(port, policy)
    _check_host(parts, policy.addresses)
    if (_loopback_or(parts.hostname or ""), port) == policy.own:
        raise _refuse("it is this instance's own address")
    return url


def _refuse(reason: str) -> Invalid:
    return Invalid(
        "invalid-url",
        f"This URL is not allowed: {reason}.",
        details=[{"field": "url", "message": f"not allowed: {reason}"}],
    )


def _check_text(url: str) -> None:
    if len(url) > MAX_LENGTH:
        raise _refuse(f"it is longer than {MAX_LENGTH} characters")
    if not _TEXT.match(url):
        raise _refuse(
            "only printable ASCII without white space is allowed (write host names in their xn-- form)"
        )
    if "\\" in url:
        raise _refuse("a backslash is not allowed")
    if "#" in url:
        raise _refuse("a fragment is not allowed")


def _check_port(port: int, policy: OutboundPolicy) -> None:
    if not (port in (443, 8443) or port > 1023 or (port == 80 and policy.allow_http)):
        raise _refuse("its port must be 443, 8443 or above 1023")


def _check_host(parts: SplitResult, addresses: AddressPolicy) -> None:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        if not re.fullmatch(r"\[[0-9a-fA-F:.]+\](?::[0-9]*)?", parts.netloc):
            raise _refuse(_NOT_IPV6)
        literal = host
    elif _NUMBER.match(host.rpartition(".")[2]):  # a resolver would read 127.1 or 0x7f000001 as an address
        if not _is_ipv4(host):
            raise _refuse("its host must be a name, or an IPv4 address as four decimal numbers")
        literal = host
    elif _loopback_or(host) != host:
        literal = _loopback_or(host)
    elif len(host) <= 253 and all(_LABEL.match(label) for label in host.split(".")):
        return
    else:
        raise _refuse("its host is not a valid name")
    if not addresses.allows(literal):
        raise _refuse("its address is not public" + _HINT_ADDRESS)


def _loopback_or(host: str) -> str:
    """The host, or loopback's first address where it is a name for that (RFC 6761) or another one of it."""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return "127.0.0.1" if ip_address(host).is_loopback else host
    except ValueError:
        return host


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)  # four decimal numbers without leading zeros
    except AddressValueError:
        return False
    return True
