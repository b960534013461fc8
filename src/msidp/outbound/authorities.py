"""Whose certificates are trusted: the system's authorities, and those of MSIDP_OUTBOUND_CA_FILE.

The HTTP library ships its own TLS, which knows nothing of this machine, so it is told. It is given one
file: only then does it parse the authorities once, and not for every connection.
"""

import ssl
import tempfile
import weakref
from pathlib import Path


class Authorities:
    """`path` names a PEM file with every trusted authority. It lives as long as this object."""

    def __init__(self, extra: Path | None = None) -> None:
        system = _system_file()
        if extra is None and system is not None:
            self.path = str(system)
            return
        with tempfile.NamedTemporaryFile(prefix="msidp-ca-", suffix=".pem", delete=False) as merged:
            for pem in (system, extra):
                if pem is not None:
                    merged.write(pem.read_bytes() + b"\n")
        self.path = merged.name
        weakref.finalize(self, Path(merged.name).unlink, missing_ok=True)


def _system_file() -> Path | None:
    """The file with the system's authorities, in the places where Linux distributions and BSDs keep it."""
    paths = ssl.get_default_verify_paths()
    candidates = (
        paths.cafile,
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    )
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    return None
