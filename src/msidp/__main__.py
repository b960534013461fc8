"""The `msidp` command, and `python -m msidp`.

It begins outside `msidp.cli` to tell a plain install, which is the SDK alone, from the server's.
"""

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line, or say what it needs."""
    if find_spec("click") is None or find_spec("flask") is None:
        sys.exit("The server is an extra of the package. Install it with: pip install 'msidp[server]'")
    from msidp.cli import main as command

    command()


if __name__ == "__main__":
    main()
