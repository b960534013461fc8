"""Addresses: what is accepted, and which two are the same one."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from msidp.errors import Invalid
from msidp.members.emails import normalise

LOCAL_PARTS = st.text("abcXYZ0189._+-éÉßΣσςİǰ한ŁA\u030a", min_size=1, max_size=20)
DOMAINS = st.sampled_from(
    ["example.com", "Example.ORG", "münchen.de", "bücher.test", "例え.テスト", "a-b.co.uk"]
)


@st.composite
def addresses(draw) -> str:
    """Addresses that normalise() accepts."""
    address = f"{draw(LOCAL_PARTS)}@{draw(DOMAINS)}"
    try:
        normalise(address)
    except Invalid:
        assume(False)
    return address


@given(addresses())
def test_normalising_again_changes_nothing(address: str) -> None:
    once = normalise(address)
    assert normalise(once.address) == once
    assert normalise(once.key).key == once.key


@given(addresses(), st.sampled_from([str.lower, str.casefold, str.swapcase]))
def test_case_does_not_matter(address: str, change) -> None:
    other = change(unicodedata.normalize("NFC", address))
    assume(_accepted(other))
    assert normalise(other).key == normalise(address).key


@given(addresses(), st.sampled_from(["NFC", "NFD"]))
def test_composition_does_not_matter(address: str, form) -> None:
    assert normalise(unicodedata.normalize(form, address)).key == normalise(address).key


@given(addresses())
def test_punycode_does_not_matter(address: str) -> None:
    local, _, domain = address.rpartition("@")
    ascii_domain = domain.lower().encode("idna").decode()
    assert normalise(f"{local}@{ascii_domain}") == normalise(address)


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    assert not _accepted(text) or normalise(text).key.count("@") == 1


@pytest.mark.parametrize(
    ("text", "address", "key"),
    [
        ("Jane@Example.COM", "Jane@example.com", "jane@example.com"),
        (" a@b.test\n", "a@b.test", "a@b.test"),
        ("o'neil+x/y@sub.example.local", "o'neil+x/y@sub.example.local", "o'neil+x/y@sub.example.local"),
        ("jörg@XN--MNCHEN-3YA.de", "jörg@münchen.de", "jörg@xn--mnchen-3ya.de"),
        ("jo\u0308rg@münchen.de", "jörg@münchen.de", "jörg@xn--mnchen-3ya.de"),
        ("Straße@example.com", "Straße@example.com", "strasse@example.com"),
        ("ΝΙΚΟΣ@example.com", "ΝΙΚΟΣ@example.com", "νικοσ@example.com"),
    ],
)
def test_accepted(text: str, address: str, key: str) -> None:
    assert (normalise(text).address, normalise(text).key) == (address, key)


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "a", "a@", "@b.com", "a@b", "a b@c.de", "a@@b.com", "a@b..com", "a@-b.com", "a@1.2.3.4",
        "a\0@b.com", "a@b.com\0", "\ud800@b.com", "a@x.com\nBcc: b@y.com", "<a@b.com>", "A <a@b.com>",
        '"a b"@c.com', "a@[127.0.0.1]", "a@xn--zzzzzzzz-.com", "a" * 65 + "@b.com", "a@" + "b" * 64 + ".com",
        "a@" + "b." * 200 + "com", "a" * 100_000 + "@b.com", "a@\u202eb.com",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(Invalid):
        normalise(text)


def _accepted(address: str) -> bool:
    try:
        normalise(address)
    except Invalid:
        return False
    return True
