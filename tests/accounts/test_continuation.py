"""`next` leads to a path on this site and nowhere else."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msidp.accounts.continuation import local_path

SITE = "https://id.example.com/login"


@pytest.mark.parametrize("path", ["/", "/account", "/authorize?request=abc&x=https://a/b", "/a/b?c=/d#e"])
def test_paths_on_this_site_are_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "account", "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", "/\n/evil.example", " /account", "/account ", "/a\0", "/a\ud800", "/é",
        "javascript:alert(1)", "/a//evil.example", "/..//evil.example", "/account\n", "/" + "a" * 40_000,
    ],
)  # fmt: skip
def test_anything_else_is_not(path: str | None) -> None:
    assert local_path(path) is None


def browser_form(address: str) -> str:
    """An address as browsers read it (WHATWG URL): trimmed, tabs and line ends dropped, `\\` as `/`."""
    trimmed = address.strip("".join(map(chr, range(33))))
    return trimmed.translate({9: None, 10: None, 13: None}).replace("\\", "/")


@given(st.text() | st.text("/\\.:@?#\t\r\n ea%", max_size=12).map(lambda tail: "/" + tail))
@example("/.//e.example")
def test_what_is_kept_stays_on_this_site(text: str) -> None:
    path = local_path(text)
    if path is not None:
        assert urlsplit(urljoin(SITE, browser_form(path)))[:2] == ("https", "id.example.com")
        assert path == text
