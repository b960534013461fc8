"""`msidp demo`: the main job, walked over real HTTP for a person to see."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from msidp.cli.children import die_with

if TYPE_CHECKING:
    from msidp.demo.receiver import Delivery
    from msidp.demo.server import Server
    from msidp.demo.walk import Walk


@click.command()
@click.option(
    "--exit", "exit_after", is_flag=True, help="End after the walk: status 0, or 1 if a step failed."
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="TCP port  [default: 8000, or another where that is taken]"
)
def demo(exit_after: bool, port: int | None) -> None:
    """Start msidp on an instance of its own and walk the whole path, from sign-up to signed webhooks.

    Afterwards everything stays up to be tried, until Ctrl-C.
    """
    instance = Path(os.environ.get("MSIDP_INSTANCE_DIR") or "instance").absolute() / "demo"
    with _ended_by_signals():
        raise SystemExit(0 if _run(instance, port, stay=not exit_after) else 1)


def _run(instance: Path, port: int | None, *, stay: bool) -> bool:
    """Start, walk, stay up, stop. Whether all of it went well."""
    from msidp.demo import show
    from msidp.demo.server import Server
    from msidp.demo.web import DemoError

    show.heading("msidp starts")
    log = instance / "demo.log"
    try:
        server = Server(instance, log, port, before_exec=partial(die_with, os.getpid()))
    except DemoError as error:
        show.failed("msidp up", str(error), log)
        return False
    try:
        show.passed("msidp up", [f"ready in {server.ready_after:.1f} s at {server.base_url}"])
        well = _walk(server, stay=stay)
    finally:
        status = server.stop()
    show.heading("msidp stops")
    if status != 0:
        show.failed("msidp up", f"ended with status {status}", log)
        return False
    show.passed("msidp up", ["ended with status 0"])
    return well


def _walk(server: "Server", *, stay: bool) -> bool:
    """All steps, up to the first that fails."""
    from msidp.demo import show
    from msidp.demo.steps import STEPS
    from msidp.demo.walk import Walk
    from msidp.demo.web import DemoError

    walk = Walk(server)
    try:
        for group, steps in STEPS.items():
            show.heading(group)
            for title, step in steps.items():
                try:
                    show.passed(title, step(walk))
                except Exception as error:  # noqa: BLE001  # whatever it is, it is shown and fails the demo
                    known = isinstance(error, DemoError)
                    show.failed(
                        title, str(error) if known else f"{type(error).__name__}: {error}", server.log
                    )
                    return False
        if stay:
            _stay_up(walk)
        return True
    finally:
        walk.stop()


def _stay_up(walk: "Walk") -> None:
    """Show where to look, and every webhook that arrives, until Ctrl-C."""
    from msidp.demo import show

    def tell(delivery: "Delivery") -> None:
        show.passed("Webhook verified", [f"{delivery.dialect} {delivery.event.type}, id {delivery.event.id}"])

    base_url = walk.server.base_url
    show.heading("Now try it: log in to the demo application, and watch the webhooks arrive here")
    show.addresses(
        {
            "Demo application": walk.app.url,
            "Dashboard": f"{base_url}/dashboard",
            "Its set-up link": walk.server.setup_link(),
            "Sign up, log in": f"{base_url}/signup  {base_url}/login",
            "Issuer": base_url,
            "Discovery": f"{base_url}/.well-known/openid-configuration",
            "Admin API": f"{base_url}/docs",
            "Health": f"{base_url}/readyz",
        }
    )
    show.note(f"An API key: MSIDP_INSTANCE_DIR={walk.server.instance} msidp api-key create --name me")
    show.note("Ctrl-C stops everything.")
    walk.receiver.on_delivery = tell
    try:
        while walk.server.alive():
            threading.Event().wait(0.5)
    except KeyboardInterrupt:
        return
    show.failed("msidp up", "ended by itself", walk.server.log)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have every signal that asks for it end the demo as Ctrl-C does: with its server.

    Ctrl-C itself too: where a shell started us in the background, it would be ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    yield
