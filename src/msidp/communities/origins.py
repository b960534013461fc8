"""Origins of web pages (RFC 6454), as browsers send them."""

import re
from urllib.parse import urlsplit

MOST = 100  # that a community names
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_-]+|\[[0-9a-f:]+\]")


def read(text: str) -> str:
    """An origin as a person writes it, in the one form that a browser sends.

    Raises ValueError for anything but a scheme, a host and perhaps a port.
    """
    try:
        parts = urlsplit(text.strip().lower().removesuffix("/"))
        port = parts.port
        host = (
            parts.netloc.removesuffix(f":{port}")
            .encode("idna" if "[" not in parts.netloc else "ascii")
            .decode()
        )
    except (ValueError, UnicodeError):
        raise ValueError(_WANTED) from None
    if parts.scheme not in _PORTS or parts.path or parts.query or parts.fragment or not _HOST.fullmatch(host):
        raise ValueError(_WANTED)
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


_WANTED = "must be an origin such as https://www.example.com: a scheme, a host, perhaps a port"
