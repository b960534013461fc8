"""What may be saved as a target, and what is refused with a reason."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidp.errors import Invalid
from msidp.outbound.addresses import AddressPolicy
from msidp.outbound.urls import OutboundPolicy, check_url
from msidp.settings import Settings

STRICT = OutboundPolicy(AddressPolicy())
LENIENT = OutboundPolicy(AddressPolicy([ip_network("127.0.0.0/8")]), allow_http=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hook?a=b&c=%20",
        "https://example.com:443/",
        "https://example.com:8443/",
        "https://example.com:1024/",
        "https://xn--bcher-kva.example/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]:8443/x",
        "https://a_b.example.com/",
    ],
)
def test_public_https_urls_may_be_saved(url: str) -> None:
    assert check_url(url, STRICT) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "only https"),
        ("ftp://example.com/", "only https"),
        ("http://example.com/", "MSIDP_OUTBOUND_ALLOW_HTTP=1"),
        ("https://127.0.0.1/", "MSIDP_OUTBOUND_ALLOW_NETWORKS"),
        ("file:///etc/passwd", "not an absolute URL"),
        ("//example.com/", "not an absolute URL"),
        ("example.com", "not an absolute URL"),
        ("shop", "not an absolute URL"),
        ("https:shop", "not an absolute URL"),
        ("", "printable"),
        ("https://user@example.com/", "user name"),
        ("https://user:secret@example.com/", "user name"),
        ("https://example.com/#x", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com\\@evil.example/", "backslash"),
        ("https://example.com/a b", "white space"),
        (" https://example.com/", "white space"),
        ("https://example.com/\r\nX-Evil: 1", "white space"),
        ("https://example.com/\0", "white space"),
        ("https://example.com/é", "ASCII"),
        ("https://bücher.example/", "xn--"),
        ("https://①②⑦.⓪.⓪.①/", "ASCII"),
        ("https://１２７.0.0.1/", "ASCII"),
        ("https://example.com/" + "x" * 2048, "longer"),
        ("https://example.com:80/", "port"),
        ("https://example.com:22/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:1023/", "port"),
        ("https://example.com:65536/", "valid URL"),
        ("https://example.com:-1/", "valid URL"),
        ("https://example.com:8_443/", "valid URL"),
        ("https:///x", "not an absolute URL"),
        ("https://./", "host"),
        ("https://example..com/", "host"),
        ("https://example.com./", "host"),
        ("https://-example.com/", "host"),
        ("https://%31%32%37.0.0.1/", "four decimal"),
        ("https://2130706433/", "four decimal"),
        ("https://0x7f000001/", "four decimal"),
        ("https://0177.0.0.1/", "four decimal"),
        ("https://127.1/", "four decimal"),
        ("https://0/", "four decimal"),
        ("https://1.2.3.4.5/", "four decimal"),
        ("https://example.0x7f/", "four decimal"),
        ("https://127.0.0.1/", "not public"),
        ("https://10.0.0.1:8443/", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://localhost/", "not public"),
        ("https://a.localhost/", "not public"),
        ("https://[::1]/", "not public"),
        ("https://[::ffff:1.1.1.1]/", "not public"),
        ("https://[fe80::1%25eth0]/", "not an IPv6"),
        ("https://[::1]x/", "IPv6"),
        ("https://exa[mple.com/", "valid URL"),
    ],
)
def test_everything_else_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_url(url, STRICT)
    assert reason in caught.value.message
    assert caught.value.details


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000/",
        "http://localhost:5000/",
        "https://[::1]:5000/",
        "http://example.com/",
        "http://a.example:80",
    ],
)
def test_development_settings_allow_http_and_the_exempt_networks(url: str) -> None:
    assert check_url(url, LENIENT) == url


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://example.com:22/", "ftp://127.0.0.1/"])
def test_development_settings_allow_nothing_more(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url, LENIENT)


@given(st.text() | st.text("htps:/[].0123456789abx%@#?\\ -_", max_size=40).map("https://".__add__))
def test_any_text_is_either_allowed_or_refused(url: str) -> None:
    try:
        check_url(url, STRICT)
    except Invalid:
        return
    assert url.startswith("https://")
    assert url.isascii()


@pytest.mark.parametrize("url", ["https://id.example.com/hook", "https://ID.example.com:443/"])
def test_the_instances_own_address_is_refused(url: str) -> None:
    policy = OutboundPolicy(AddressPolicy(), own=("id.example.com", 443))
    with pytest.raises(Invalid, match="own address"):
        check_url(url, policy)
    check_url("https://id.example.com:8443/", policy)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9", "[::1]", "a.localhost"])
def test_so_is_its_own_port_on_loopback(host: str, tmp_path: Path) -> None:
    settings = Settings(
        instance_dir=tmp_path, base_url="http://127.0.0.1:8000", outbound_allow_http=True,
        outbound_allow_networks="127.0.0.0/8",
    )  # fmt: skip
    with pytest.raises(Invalid, match="own address"):
        check_url(f"http://{host}:8000/", OutboundPolicy.of(settings))
