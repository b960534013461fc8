"""Which IP addresses may be dialled: an explicit deny list, and the networks an operator exempts.

`ipaddress.is_global` is not enough: it is True for several ranges that lead inside (6to4, NAT64,
site-local). Of IPv6, only what lies in 2000::/3 is public unicast at all (RFC 4291, and IANA's
special-purpose registries).
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_DENIED_V4 = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # shared, behind a carrier's NAT
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local, clouds' metadata services
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
)
_DENIED_V6 = (
    "::/3",  # unspecified, loopback, IPv4-mapped and -compatible, NAT64 64:ff9b::/96, discard 100::/64
    "4000::/2",  # segment routing 5f00::/16; the rest is unassigned
    "8000::/1",  # private fc00::/7, link-local fe80::/10, site-local fec0::/10, multicast ff00::/8
    "2001::/23",  # protocol assignments, Teredo 2001::/32 among them
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4, which can hold any IPv4 address
    "3fff::/20",  # documentation
)
_DENIED = {
    4: tuple(ip_network(text) for text in _DENIED_V4),
    6: tuple(ip_network(text) for text in _DENIED_V6),
}


class AddressPolicy:
    """The deny list, less the networks that the operator exempts.

    Whoever exempts 127.0.0.1 means this machine: ::1 comes with it, for `localhost` is both.
    """

    def __init__(self, exempt: Iterable[Network] = ()) -> None:
        self._exempt = tuple(exempt)
        if self._is_exempt(IPv4Address("127.0.0.1")):
            self._exempt += (IPv6Network("::1/128"),)

    def allows(self, address: str) -> bool:
        """Whether this textual IP address may be dialled. One with a zone, or no address at all, may not."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
            return False
        return self._is_exempt(parsed) or not any(parsed in network for network in _DENIED[parsed.version])

    def _is_exempt(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address.version == network.version and address in network for network in self._exempt)
