"""Browsers by the names their owners know."""

import pytest

from msidp.accounts.devices import describe


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X) AppleWebKit/605 Version/19.0 Safari/605",
            "Safari on macOS",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Linux; Android 16) AppleWebKit Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 CriOS/140.0 Mobile Safari/604", "Chrome on iPhone"),
        ("curl/8.0", "An unknown device"),
        ("Firefox/1", "Firefox"),
        (None, "An unknown device"),
    ],
)
def test_what_a_browser_is_called(user_agent: str | None, name: str) -> None:
    assert describe(user_agent) == name
