"""The Content-Security-Policy of every answer."""

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape

from flask import Response, g

_STYLE = re.compile(r'\sstyle="([^"]*)"')


def content_security_policy(response: Response) -> str:
    """What a browser may do with this answer."""
    if response.mimetype != "text/html":
        return "default-src 'none'; frame-ancestors 'none'"
    policy = (
        f"default-src 'none'; style-src 'self'; {_style_attributes()}img-src 'self' data:; "
        "script-src 'self'; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return policy if g.get("forms_lead_away") else f"{policy}; form-action 'self'"


def allow_style_attributes(html: str) -> None:
    """Let the page of this request have the style attributes of this HTML, by their hashes, and no others."""
    g.style_attributes = sorted({unescape(style) for style in _STYLE.findall(html)})


def _style_attributes() -> str:
    styles: list[str] = g.get("style_attributes", [])
    if not styles:
        return ""
    hashes = (b64encode(sha256(style.encode()).digest()).decode() for style in styles)
    listed = " ".join(f"'sha256-{one}'" for one in hashes)
    return f"style-src-attr 'unsafe-hashes' {listed}; "
