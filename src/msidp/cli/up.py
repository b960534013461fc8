"""`msidp up`: everything in one command.

The application is loaded once, here, and the parts are forked from it: they share its memory, and a
restart takes no time. This process itself connects to neither the database nor the queue.
"""

import fcntl
import gc
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from msidp.cli import cron, operators, valkey, web, worker
from msidp.cli import port as ports
from msidp.cli.children import name_process
from msidp.cli.common import load_settings, refusals_said
from msidp.cli.supervisor import GivenUp, Supervisor

if TYPE_CHECKING:
    from flask import Flask

    from msidp.settings import Settings

POLL = 0.05
TAKE_OVER_TIMEOUT = 10.0  # seconds for the parts of a killed supervisor to be gone


@click.command()
@web.HOST
@web.PORT
def up(host: str, port: int) -> None:
    """Run everything: migrations, the embedded Valkey, web, worker and cron."""
    name_process("msidp-up")
    supervisor = Supervisor()
    with supervisor.running():
        settings = load_settings(port)
        lock(settings.instance_dir)
        web.refuse_taken_port(host, port)
        ports.remember(settings.instance_dir, port)
        try:
            app = start(supervisor, settings, host, port)
        except GivenUp as error:
            raise click.ClickException(f"{error}.") from None
        click.echo(f"ready: {settings.base_url}")
        try:
            supervisor.run_once("set-up link", lambda: show_setup_link(app))
        except GivenUp:  # the site is up, and stays up
            click.echo("The set-up link cannot be made now. Try: msidp operator create --email …", err=True)
        supervisor.forever()


def load(settings: "Settings") -> "Flask":
    """The application that all parts share."""
    from msidp.app import create_app

    app = create_app(settings)
    gc.collect()
    gc.freeze()  # so that the collector writes to none of the memory that is shared
    return app


def start(supervisor: Supervisor, settings: "Settings", host: str, port: int) -> "Flask":
    """Bring up the parts in order, the queue first. Returns the application they share."""
    if settings.embedded_valkey:
        supervisor.add("valkey", lambda: valkey.run(settings), foundation=True)
    app = load(settings)
    supervisor.run_once("migrate", lambda: migrate(app))
    if settings.embedded_valkey:
        log = valkey.log_file(settings)
        supervisor.until(lambda: valkey.answers(settings.valkey_socket), f"Valkey (see {log})")
    supervisor.add("web", lambda: web.serve(app, host, port, settings=settings))
    supervisor.add("worker", lambda: worker.work(app))
    supervisor.add("cron", lambda: cron.tick(settings.redis_url))
    supervisor.until(lambda: is_ready(host, port), "The site")
    return app


def migrate(app: "Flask") -> None:
    """In its own process: bring the database to this version."""
    from msidp.ops.setup import prepare

    with app.app_context(), refusals_said():
        prepare()


def show_setup_link(app: "Flask") -> None:
    """In its own process: where nobody runs the community yet, print how to begin."""
    with app.app_context():
        operators.print_first_link()


def is_ready(host: str, port: int) -> bool:
    """Whether /readyz answers 200."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared
    try:
        with socket.create_connection((reachable, port), timeout=5) as client:
            client.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return b" 200 " in client.recv(64)
    except OSError:
        return False


def lock(instance_dir: Path) -> None:
    """Take this instance, or say who has it.

    The lock is shared with every part by inheritance: it is free once the last of them is gone, even
    where their supervisor was killed.
    """
    path = instance_dir / "up.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # kept open for as long as we run
    os.set_inheritable(descriptor, True)
    deadline = time.monotonic() + TAKE_OVER_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            owner = path.read_text().strip()
            if _lives(owner) or time.monotonic() > deadline:
                raise click.ClickException(
                    f"msidp up already runs on {instance_dir} (process {owner or 'unknown'})."
                ) from None
            time.sleep(POLL)
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
