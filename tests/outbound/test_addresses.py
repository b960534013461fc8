"""The deny list: every special range refused, however it is written; the public rest allowed."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidp.outbound.addresses import AddressPolicy

PUBLIC = AddressPolicy()

DENIED = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4", "240.0.0.0/4",
    "::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16",
    "3fff::/20",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip


@pytest.mark.parametrize("network", DENIED)
def test_a_special_range_is_denied_from_its_first_address_to_its_last(network: str) -> None:
    parsed = ip_network(network)
    for address in (parsed[0], parsed[1], parsed[-2], parsed[-1]):
        assert not PUBLIC.allows(str(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "128.0.0.1", "172.15.255.255",
     "172.32.0.0", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
     "2000::1", "2001:200::1", "2606:4700:4700::1111", "2a00:1450::1", "3ffe::1"],
)  # fmt: skip
def test_what_is_next_to_a_special_range_is_allowed(address: str) -> None:
    assert PUBLIC.allows(address)


@given(st.ip_addresses(v=4))
def test_no_ipv6_form_of_an_ipv4_address_is_allowed(address: IPv4Address) -> None:
    number = int(address)
    forms = (
        number,  # compatible
        0xFFFF << 32 | number,  # mapped
        0x64FF9B << 96 | number,  # NAT64
        0x2002 << 112 | number << 80,  # 6to4
        0x20010000 << 96 | (number ^ 0xFFFFFFFF),  # Teredo
    )
    assert not any(PUBLIC.allows(str(IPv6Address(form))) for form in forms)


@given(st.ip_addresses(v=6))
def test_only_global_unicast_ipv6_is_allowed(address: IPv6Address) -> None:
    if PUBLIC.allows(str(address)):
        assert address in ip_network("2000::/3")
        assert address.is_global


@given(st.ip_addresses(v=4))
def test_whatever_is_allowed_of_ipv4_is_global_and_unicast(address: IPv4Address) -> None:
    if PUBLIC.allows(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.text())
def test_what_is_no_address_is_never_allowed(text: str) -> None:
    try:
        IPv4Address(text)
    except ValueError:
        assert not PUBLIC.allows(f"x{text}")


def test_an_exempt_network_is_allowed_and_nothing_else_with_it() -> None:
    policy = AddressPolicy([ip_network("10.1.0.0/16"), ip_network("fd00::/16")])
    assert policy.allows("10.1.2.3")
    assert policy.allows("fd00::1")
    assert not policy.allows("10.2.0.1")
    assert not policy.allows("fd01::1")
    assert not policy.allows("127.0.0.1")


def test_exempting_loopback_exempts_both_of_localhosts_addresses() -> None:
    policy = AddressPolicy([ip_network("127.0.0.0/8")])
    assert policy.allows("127.0.0.1")
    assert policy.allows("::1")
    assert not policy.allows("::ffff:127.0.0.1")
    assert not policy.allows("::2")


def test_a_zone_is_never_allowed() -> None:
    policy = AddressPolicy([ip_network("fe80::/10")])
    assert policy.allows("fe80::1")
    assert not policy.allows("fe80::1%eth0")
