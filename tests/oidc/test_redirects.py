"""Redirect URIs: what may be registered, and that nothing but the registered string matches."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidp.oidc import redirects

GOOD = [
    "https://app.example",
    "https://app.example/",
    "https://app.example:8443/cb",
    "https://app.example/cb?tenant=1&x=",
    "https://app.example/a/../cb",
    "https://app.example/%7Euser",
    "https://xn--bcher-kva.example/cb",
    "https://203.0.113.7/cb",
    "https://[2001:db8::1]:8443/cb",
    "http://127.0.0.1:3000/cb",
    "http://[::1]/cb",
    "http://localhost:3000/cb",
]
GOOD_FOR_NATIVE = ["com.example.app:/cb", "com.example.app:cb", "com.example.app://host/cb", *GOOD]
BAD = {
    "": "character",
    "cb": "absolute",
    "/cb": "absolute",
    "//app.example/cb": "absolute",
    "https:/app.example/cb": "host",
    "https:app.example": "host",
    "https://": "host",
    "https:///cb": "host",
    "https://app.example/cb#": "fragment",
    "https://app.example/cb#x": "fragment",
    "https://user@app.example/cb": "user name",
    "https://user:pw@app.example/cb": "user name",
    "https://app.example\\@evil.example/cb": "character",
    "https://app.example/c b": "character",
    "https://app.example/cb\n": "character",
    "https://app.example/cb\0": "character",
    "https://app.example/ü": "character",
    "https://ÄPP.example/cb": "character",
    "https://App.example/cb": "lower case",
    "HTTPS://app.example/cb": "lower case",
    "https://*.example/cb": "host",
    "https://app..example/cb": "host",
    "https://-app.example/cb": "host",
    "https://app.example:0/cb": "port",
    "https://app.example:/cb": "host",
    "https://app.example:99999/cb": "not a URI",
    "https://app.example:8a/cb": "not a URI",
    "https://[::1/cb": "not a URI",
    "https://[::zz]/cb": "not a URI",
    "http://app.example/cb": "https",
    "http://127.0.0.1.evil.example/cb": "https",
    "http://localhost.evil.example/cb": "https",
    "ftp://app.example/cb": "https://",
    "javascript:alert(1)": "https://",
    "data:text/html,x": "https://",
    "com.example.app:/cb": "https://",
    "https://app.example/cb?a[]=1": "bracket",
    "https://app.example/[cb]": "bracket",
    "https://app.example/cb?state=1": "state",
    "https://app.example/cb?code": "code",
    "https://app.example/" + "a" * 2000: "longer",
}
BAD_FOR_NATIVE = (
    "javascript:alert(1)",
    "data:text/html,x",
    "myapp:/cb",
    "myapp://cb",
    "com.example.app:/cb#x",
    ".a:/",
)


@pytest.mark.parametrize("uri", GOOD)
def test_good_ones_may_be_registered(uri: str) -> None:
    redirects.check(uri)


@pytest.mark.parametrize("uri", GOOD_FOR_NATIVE)
def test_native_applications_have_their_own_schemes(uri: str) -> None:
    redirects.check(uri, native=True)


@pytest.mark.parametrize(("uri", "reason"), BAD.items())
def test_bad_ones_are_refused_with_the_reason(uri: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        redirects.check(uri)


def test_pages_are_on_the_web() -> None:
    redirects.check_page("https://shop.example/terms#7")
    for uri in ("javascript:alert(1)", "data:text/html,x", "com.example.app:/terms"):
        with pytest.raises(ValueError, match="https://"):
            redirects.check_page(uri)


@pytest.mark.parametrize("uri", BAD_FOR_NATIVE)
def test_bad_ones_are_refused_to_native_applications_too(uri: str) -> None:
    with pytest.raises(ValueError):
        redirects.check(uri, native=True)


@given(st.text())
def test_any_text_is_answered(uri: str) -> None:
    for native in (False, True):
        try:
            redirects.check(uri, native=native)
        except ValueError:
            continue
        assert uri.isascii()
        assert "#" not in uri


REGISTERED = "https://client.example/cb"
TRICKS = [
    "https://client.example/cb/",
    "https://client.example/cb?",
    "https://client.example/cb?x=1",
    "https://client.example/cb#",
    "https://client.example/CB",
    "https://CLIENT.example/cb",
    "https://client.example:443/cb",
    "https://client.example:8443/cb",
    "https://client.example/a/../cb",
    "https://client.example//cb",
    "https://client.example/%63b",
    "https://client.example/cb%2f..",
    "https://client.example\\cb",
    "https://client.example@evil.example/cb",
    "https://client.example.evil.example/cb",
    "https://evil.example/https://client.example/cb",
    "http://client.example/cb",
    " https://client.example/cb",
    "https://client.example/cb\n",
    "https://client.example/cb ",
    "//client.example/cb",
    "",
]


@pytest.mark.parametrize("uri", TRICKS)
def test_only_the_exact_string_matches(uri: str) -> None:
    for native in (False, True):
        assert redirects.matches(REGISTERED, [REGISTERED], native=native)
        assert not redirects.matches(uri, [REGISTERED], native=native)


@given(st.text(), st.lists(st.sampled_from(GOOD)))
def test_for_the_web_matching_is_membership(uri: str, registered: list[str]) -> None:
    assert redirects.matches(uri, registered) == (uri in registered)


@given(st.sampled_from(["127.0.0.1", "[::1]"]), st.integers(1, 65535), st.integers(1, 65535))
def test_a_native_application_may_listen_on_any_loopback_port(host: str, one: int, other: int) -> None:
    registered = [f"http://{host}:{one}/cb?x=1"]
    assert redirects.matches(f"http://{host}:{other}/cb?x=1", registered, native=True)
    assert redirects.matches(f"http://{host}/cb?x=1", registered, native=True)
    assert not redirects.matches(f"http://{host}:{other}/cb", registered, native=True)
    assert not redirects.matches(f"https://{host}:{other}/cb?x=1", registered, native=True)
    assert not redirects.matches(f"http://{host}:{other}@evil.example/cb?x=1", registered, native=True)
    assert redirects.matches(f"http://{host}:{other}/cb?x=1", registered) == (one == other)


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_nothing_can_listen_on_matches_nothing(port: str) -> None:
    """An answer sent there is a crash: what writes the Location header reads the port."""
    registered = ["http://127.0.0.1/cb", "http://[::1]/cb"]
    assert not redirects.matches(f"http://127.0.0.1:{port}/cb", registered, native=True)
    assert not redirects.matches(f"http://[::1]:{port}/cb", registered, native=True)


def test_localhost_is_a_name_and_keeps_its_port() -> None:
    assert not redirects.matches("http://localhost:2/cb", ["http://localhost:1/cb"], native=True)


@given(st.sampled_from(GOOD), st.text(), st.text())
def test_parameters_arrive_as_they_were(uri: str, code: str, state: str) -> None:
    code, state = (text.encode("utf-8", "replace").decode() for text in (code, state))
    sent = redirects.with_parameters(uri, {"code": code, "state": state})
    before = parse_qsl(urlsplit(uri).query, keep_blank_values=True)
    after = parse_qsl(urlsplit(sent).query, keep_blank_values=True)
    assert after == [*before, ("code", code), ("state", state)]
    assert sent.startswith(uri)
    assert "#" not in sent
