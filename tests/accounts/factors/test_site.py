"""Where browsers keep passkeys."""

import pytest

from msidp.factors.passkeys import Site


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://id.example.com", ("id.example.com", "https://id.example.com")),
        ("https://ID.example.com:443/members", ("id.example.com", "https://id.example.com")),
        ("https://id.example.com:8443", ("id.example.com", "https://id.example.com:8443")),
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("http://localhost:80", ("localhost", "http://localhost")),
        ("http://id.example.com", None),
        ("http://127.0.0.1:8000", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
    ],
)
def test_where_passkeys_can_be(address: str, site: tuple[str, str] | None) -> None:
    assert Site.at(address) == (Site(*site) if site else None)
