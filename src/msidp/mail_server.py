"""The mail server that MSIDP_SMTP_URL names."""

from typing import NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit


class MailServer(NamedTuple):
    """What MSIDP_SMTP_URL says: `smtp[s]://[user[:password]@]host[:port][?timeout=…&starttls=…]`."""

    host: str
    port: int
    tls: bool  # from the first byte (smtps)
    starttls: str  # with smtp: auto (where the server offers it), required or off
    user: str
    password: str
    timeout: float  # seconds for one mail

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read the URL. Raises ValueError.

        A password goes in clear only to this machine, unless the URL says `starttls=off`.
        """
        parts = urlsplit(url)
        options = {"timeout": "15", "starttls": "", **dict(parse_qsl(parts.query, keep_blank_values=True))}
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("must be smtp://host:port or smtps://host:port, with user:password@ if needed")
        if set(options) != {"timeout", "starttls"} or options["starttls"] not in ("", "required", "off"):
            raise ValueError("takes the options timeout=<seconds> and starttls=required or off")
        try:
            timeout = float(options["timeout"])
        except ValueError:
            timeout = 0
        if not 0 < timeout <= 300:
            raise ValueError("its timeout must be more than 0 and at most 300 seconds")
        tls = parts.scheme == "smtps"
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 587),
            tls=tls,
            starttls=options["starttls"] or ("required" if parts.username and not local else "auto"),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            timeout=timeout,
        )
