"""What a request's head tells: the WSGI environ (PEP 3333) of an ASGI scope."""

import ipaddress
import sys
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

Scope = dict[str, Any]
Environ = dict[str, Any]

_COMMON: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def environ_of(scope: Scope) -> Environ:
    """The WSGI environ of an ASGI scope, with an empty body.

    Fields of one name are joined. Those with an underscore in their name are left out: they would pass
    for those with a hyphen, which a proxy may have set. Slashes at the path's beginning count as one, as
    werkzeug counts them, and a method is in capitals: whoever goes by them sees what finds the route.
    """
    raw = scope["raw_path"]
    path = (unquote_to_bytes(raw) if b"%" in raw else raw).decode("latin-1")
    environ = _COMMON | {
        "REQUEST_METHOD": scope["method"].upper(),
        "PATH_INFO": "/" + path.lstrip("/") if path.startswith("//") else path,
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/1.0" if scope["http_version"] == "1" else "HTTP/1.1",
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "REMOTE_ADDR": scope["client"][0],
        "REMOTE_PORT": scope["client"][1],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        text = value.decode("latin-1")
        if key in environ and key != "CONTENT_LENGTH":
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ


def announces_body(environ: Environ) -> bool:
    """Whether a body follows."""
    return "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "0") != "0"


def sender_of(environ: Environ, proxies: int) -> str:
    """Whom the request is from: an IPv4 address, or an IPv6 network of 64 bits, which one sender has.

    Where so many `proxies` are trusted, the address that the first of them has seen.
    """
    address: str = environ["REMOTE_ADDR"]
    if proxies:
        named = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-proxies:]
        address = (named[0].strip() if len(named) == proxies else "") or address
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((int(found), 64), strict=False))
