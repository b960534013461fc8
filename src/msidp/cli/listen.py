"""`msidp listen`: a developer's receiver. It registers itself, verifies, shows, forwards, unregisters."""

import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from msidp.cli.common import Refused, printable
from msidp.cli.remote import API_KEY, URL, Api, call, connect

if TYPE_CHECKING:
    from types import FrameType

_HOW_TO_ALLOW = """\
It would not call this machine. On an instance for development, put these two lines in its msidp.env,
and start it anew:

    MSIDP_OUTBOUND_ALLOW_HTTP=1
    MSIDP_OUTBOUND_ALLOW_NETWORKS=127.0.0.0/8

For an msidp elsewhere, give the https address that leads here: --public-url https://….example.com"""


@click.command()
@click.option(
    "--forward-to", metavar="URL", help="Hand every genuine delivery on to this address, as it came."
)
@click.option("--dialect", type=click.Choice(("standard", "memberstack", "memberpad")), default="standard",
              show_default=True, help="What to be told in.")  # fmt: skip
@click.option("--events", default="", metavar="A,B", help="Only these types.")
@click.option("--secret", metavar="whsec_…", help="The secret to sign with.  [default: a new one each time]")
@click.option("--port", type=click.IntRange(1, 65535), help="TCP port on 127.0.0.1  [default: any]")
@click.option(
    "--public-url", metavar="URL", help="The address under which msidp reaches this port (a tunnel's)."
)
@URL
@API_KEY
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def listen(
    forward_to: str | None, dialect: str, events: str, secret: str | None, port: int | None,
    public_url: str | None, url: str | None, api_key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Receive webhooks on this machine, verified and shown, until Ctrl-C.

    Registers a webhook of its own and removes it in the end. What is answered to msidp is what --forward-to
    answered, so that retries can be tried too.
    """
    from msidp.cli.receiver import Forwarder, Receiver

    forwarder = Forwarder(forward_to) if forward_to else None
    try:
        receiver = Receiver(forwarder, lambda arrived: _show(arrived, as_json), port or 0)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on port {port}: {error.strerror}.") from None
    with _until_asked_to_stop() as asked, connect(url, api_key) as api:
        try:
            wanted = [name.strip() for name in events.split(",") if name.strip()]
            asked_for = {"dialect": dialect, "events": wanted, **({"secret": secret} if secret else {})}
            with _registered(api, public_url or receiver.url, asked_for) as webhook:
                receiver.secret = webhook["secret"]
                _greet(webhook, receiver.url, forward_to, as_json)
                asked.wait()
        finally:
            receiver.stop()


@contextmanager
def _registered(api: Api, url: str, asked_for: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A webhook for as long as the block lasts. Those that killed listeners left behind go first."""
    here = f"msidp listen on {socket.gethostname()} at "
    name = f"{here}{url}"[:200]
    for old in call(api, "GET", "/webhooks?first=100")["data"]:
        if old["name"] == name or (old["name"].startswith(here) and _is_over(old["url"])):
            call(api, "DELETE", f"/webhooks/{old['id']}")
    try:
        webhook = call(api, "POST", "/webhooks", {"name": name, "url": url, **asked_for})["data"]
    except Refused as error:
        if error.code == "invalid-url":
            raise click.ClickException(f"{error.message}\n{_HOW_TO_ALLOW}") from None
        raise
    try:
        yield webhook
    finally:
        with suppress(click.ClickException):  # whatever it is, the next one removes it
            call(api, "DELETE", f"/webhooks/{webhook['id']}")


def _is_over(url: str) -> bool:
    """Whether a listener of this machine listens there no more."""
    port = re.fullmatch(r"http://127\.0\.0\.1:([0-9]{1,5})", url)
    if port is None:
        return False  # a tunnel's: it may lead anywhere
    try:
        socket.create_connection(("127.0.0.1", int(port[1])), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def _until_asked_to_stop() -> Iterator[threading.Event]:
    """Set once SIGINT, SIGTERM or SIGHUP asks."""
    asked = threading.Event()

    def stop(_number: int, _frame: "FrameType | None") -> None:
        asked.set()

    before = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _greet(webhook: dict[str, Any], at: str, forward_to: str | None, as_json: bool) -> None:
    if as_json:
        told = {"webhookId": webhook["id"], "url": webhook["url"], "dialect": webhook["dialect"]}
        click.echo(json.dumps({"listening": at, **told, "secret": webhook["secret"]}))
        return
    click.echo(f"Listening at {at}, in the dialect {webhook['dialect']} ({webhook['id']})")
    if forward_to:
        click.echo(f"Forwarding to {forward_to}; it verifies with the secret {webhook['secret']}")
    click.echo("Ctrl-C ends it. Make something happen: msidp trigger member.created\n")


def _show(arrived: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(arrived.as_json()))  # ASCII alone: it may be a terminal
        return
    mark = click.style("✓", fg="green") if arrived.error is None else click.style("✗", fg="red")
    title = click.style(printable(arrived.title), bold=True)
    click.echo(f"{arrived.time_of_day}  {mark} {title}  {printable(arrived.subtitle)}")
    if arrived.error is not None:
        click.echo(f"          not taken: {printable(arrived.error)}")
    click.echo(_indented(printable(arrived.pretty)) + "\n")


def _indented(text: str) -> str:
    return "\n".join(f"          {line}" for line in text.split("\n"))
