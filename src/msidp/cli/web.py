"""`msidp web`: granian, which serves the application through `msidp.cli.front`."""

import os
import socket
import sys
from typing import TYPE_CHECKING

import click

from msidp.cli import port as ports
from msidp.cli.children import allow_files, die_with, name_process, reset_signals
from msidp.cli.common import load_settings

if TYPE_CHECKING:
    from flask import Flask

    from msidp.settings import Settings

HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
PORT = click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="TCP port."
)
THREADS = 32  # requests handled at once by one process
STOP_TIMEOUT = 10  # seconds for the requests in hand
KEEP_HEADERS_UNDER = 64 * 1024  # bytes
CONNECTIONS = 4096  # at once to one process; the next ones wait
IDLE = 600  # seconds after which granian ends a thread that nothing arrives in
TURN = 0.001  # seconds for which who computes keeps Python's lock from who waits for it
STACK = 8 * 1024 * 1024  # bytes, of a thread; as Python's own have
OWN_FILES = 256  # descriptors that are no connections


@click.command()
@HOST
@PORT
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option(
    "--threads", default=THREADS, show_default=True, type=click.IntRange(1), help="Threads a process."
)
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Serve the site. Needs `msidp worker` and `msidp cron` beside it."""
    from msidp.app import create_app

    name_process("msidp-web")
    settings = load_settings(port)
    refuse_taken_port(host, port)
    ports.remember(settings.instance_dir, port)
    serve(create_app(settings), host, port, workers, threads, settings)


def refuse_taken_port(host: str, port: int) -> None:
    """Say so when somebody listens there: granian shares ports, and would not notice."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"Cannot listen on {host} port {port}: {reason}.") from None


def _connections() -> int:
    """How many connections a process takes: as many as planned, or as this system lets it have."""
    return max(1, min(CONNECTIONS, allow_files(CONNECTIONS + OWN_FILES) - OWN_FILES))


def serve(
    app: "Flask",
    host: str,
    port: int,
    workers: int = 1,
    threads: int = THREADS,
    settings: "Settings | None" = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in hand."""
    import multiprocessing

    import structlog
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from msidp.cli.front import Front

    # granian's child has our application as it is, loaded once, and `load` below, which cannot be pickled.
    # Python forks by itself on Linux before 3.14 alone.
    multiprocessing.set_start_method("fork", force=True)
    server = Granian(
        "msidp",
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        # HTTP/2 without TLS is spoken by proxies alone. To see who does, granian would wait for ever on a
        # connection that says nothing.
        http=HTTPModes.http1,
        backpressure=_connections(),
        websockets=False,
        workers=workers,
        http1_settings=HTTP1Settings(max_buffer_size=KEEP_HEADERS_UNDER),
        log_level=LogLevels.error,
        # To the root logger, whose handler writes our own lines.
        log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_TIMEOUT,
        blocking_threads_idle_timeout=IDLE,
    )
    parent = os.getpid()
    leads = settings is not None and settings.on_sqlite

    def load() -> "Flask":
        """In the child, which still has its parent's handlers: they would swallow a request to stop."""
        reset_signals()
        if server.interrupt_signal:
            sys.exit(0)
        die_with(parent)
        name_process("msidp-web-1")
        proxies = settings.trusted_proxies if settings else 0
        os.environ.setdefault("RUST_MIN_STACK", str(STACK))
        sys.setswitchinterval(TURN)
        Front(app, threads, proxies, leads=leads).take_over()
        return app

    log = structlog.get_logger(__name__)
    server.on_startup(lambda: log.info("started", part="web", host=host, port=port))
    if leads:
        # One more than calls run at once, which goes on listening. Granian allows ASGI but one, for the sake
        # of the event loop that we do without.
        server.on_startup(lambda: setattr(server, "blocking_threads", threads + 1))
    server.serve(target_loader=load, wrap_loader=False)
