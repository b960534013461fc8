"""The port that the site was served at last: what its links are made with while MSIDP_BASE_URL is not set.

Without it a command beside `msidp up --port 9000` would print and mail links to port 8000.
"""

import contextlib
import tempfile
from pathlib import Path

_FILE = "port"
_HIGHEST = 65535


def remember(instance_dir: Path, port: int) -> None:
    """Note where this instance is served. One that cannot be written to is left as it is."""
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile("w", dir=instance_dir, prefix=".port", delete=False) as file:
            file.write(f"{port}\n")
        Path(file.name).replace(instance_dir / _FILE)


def last(instance_dir: Path) -> int | None:
    """Where it was served last; None where that is not known."""
    try:
        port = int((instance_dir / _FILE).read_text())
    except (OSError, ValueError):
        return None
    return port if 0 < port <= _HIGHEST else None
