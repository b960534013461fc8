"""`msidp listen` and `msidp trigger`, as processes, against a whole msidp."""

import base64
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tests.support.commands import run
from tests.support.instance import Instance, msidp
from tests.support.ports import free_port
from tests.support.receiver import Answer, Receiver

from msidp import clock, ids
from msidp.admin import InvalidSignature, verify_webhook
from msidp.admin.transport import Transport
from msidp.cli import receiver as listening
from msidp.cli.listen import _show
from msidp.cli.receiver import Arrived

TIMEOUT = 120.0


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("listen")) as running:
        yield running


class Listener:
    """A `msidp listen --json` and the lines it prints."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "msidp", "listen", "--json", *arguments],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._buffer = b""
        try:
            self.greeting = self.line()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def line(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + TIMEOUT
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                assert selector.select(max(0, deadline - time.monotonic())), "nothing came"
                chunk = self.process.stdout.read()
                assert chunk, f"it ended: {self.process.stderr.read().decode()}"  # type: ignore[union-attr]
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(TIMEOUT)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()  # type: ignore[union-attr]
            self.process.stderr.close()  # type: ignore[union-attr]


def webhooks(instance: Instance) -> list[dict[str, Any]]:
    with msidp_client(instance) as client:
        return client.get("/webhooks?first=100")["data"]


def trigger(instance: Instance, *arguments: str) -> Result:
    """`msidp trigger` in this process, over HTTP."""
    return run("trigger", *arguments, "--url", instance.base_url, "--api-key", instance.secret_key, env={})


def told(instance: Instance, *arguments: str) -> Any:
    done = trigger(instance, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def msidp_client(instance: Instance) -> Any:
    return closing(Transport(instance.secret_key, instance.base_url, 10))


def test_it_registers_verifies_forwards_and_goes(instance: Instance, receiver: Receiver) -> None:
    dialect, name, secret = "memberpad", "member.joined", ids.new_webhook_secret()
    asked_for = ("--dialect", dialect, "--events", name, "--secret", secret)
    listener = Listener(instance.env, *asked_for, "--forward-to", receiver.url("/mine"))
    try:
        (registered,) = webhooks(instance)
        assert registered["id"] == listener.greeting["webhookId"]
        triggered = instance.command("trigger", name)
        arrived = listener.line()
        assert (arrived["verified"], arrived["type"], arrived["id"]) == (True, name, triggered["id"])
        assert (arrived["dialect"], arrived["answered"]) == (dialect, 200)
        assert abs(clock.parse_iso(arrived["at"]) - clock.now()) < 10 * clock.SECOND
        (forwarded,) = receiver.wait_for(1, "/mine")
        assert forwarded.body == arrived["body"].encode()
        event = verify_webhook(forwarded.body, forwarded.headers, secret)
        assert (event.id, listener.greeting["secret"]) == (triggered["id"], secret)
        assert event.data["memberId"] == triggered["memberId"]
    finally:
        assert listener.stop() == 0
    assert webhooks(instance) == []


def test_what_is_forged_is_shown_as_such_and_not_forwarded(instance: Instance, receiver: Receiver) -> None:
    listener = Listener(instance.env, "--forward-to", receiver.url())
    try:
        import urllib3

        answer = urllib3.request("POST", listener.greeting["listening"], body=b'{"type":"x","data":{}}')
        assert answer.status == 401
        arrived = listener.line()
        assert (arrived["verified"], arrived["type"]) == (False, None)
        assert "signature" in arrived["error"]
    finally:
        assert listener.stop(signal.SIGTERM) == 0
    assert receiver.received() == []


def test_a_failing_application_shows_through(instance: Instance, receiver: Receiver) -> None:
    receiver.script("/hook", Answer(503))
    listener = Listener(instance.env, "--forward-to", receiver.url())
    try:
        told(instance, "payment.succeeded", "--data", '{"amount": 7}')
        arrived = listener.line()
        assert (arrived["answered"], arrived["forwarded"].partition(" ")[0]) == (503, "503")
        assert json.loads(arrived["body"])["data"] == {"amount": 7}
        with msidp_client(instance) as client:
            (delivery,) = client.get(f"/deliveries?webhook={listener.greeting['webhookId']}")["data"]
            assert delivery["status"] in ("failed", "pending")
    finally:
        listener.stop()


def test_what_a_killed_listener_left_is_replaced(instance: Instance) -> None:
    port = str(free_port())
    killed = Listener(instance.env, "--port", port)
    assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    (left,) = webhooks(instance)
    again = Listener(instance.env, "--port", port)
    try:
        (now,) = webhooks(instance)
        assert now["id"] == again.greeting["webhookId"] != left["id"]
    finally:
        again.stop()


def test_what_killed_listeners_left_at_any_port_goes(instance: Instance) -> None:
    alive = Listener(instance.env)
    try:
        killed = Listener(instance.env)
        killed.stop(signal.SIGKILL)
        again = Listener(instance.env)
        try:
            kept = {each["id"] for each in webhooks(instance)}
            assert kept == {each.greeting["webhookId"] for each in (alive, again)}
        finally:
            again.stop()
    finally:
        alive.stop()


def test_a_circle_ends_at_once(instance: Instance) -> None:
    port = str(free_port())
    listener = Listener(instance.env, "--port", port, "--forward-to", f"http://127.0.0.1:{port}/")
    try:
        told(instance, "course.completed")
        inner, outer = listener.line(), listener.line()
        assert "leads back" in inner["error"]
        assert (inner["answered"], inner["forwarded"]) == (508, None)
        assert (outer["answered"], outer["error"]) == (508, None)
    finally:
        listener.stop()


@pytest.mark.parametrize("body", ["{}\x1b]0;owned\x07", '{"a": "\x7f\u009b2J\u202e"}'])
def test_a_request_cannot_speak_to_the_terminal(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anybody may send one: what is not genuine is shown as well."""
    shown: list[Arrived] = []
    receiving = listening.Receiver(None, shown.append, 0)
    try:
        receiving.receive({"webhook-id": "\x1b[2J"}, body.encode())
    finally:
        receiving.stop()
    for as_json in (False, True):
        _show(shown[0], as_json)
        printed = capsys.readouterr().out
        assert "u202e" in printed or "owned" in printed
        assert all(each.isprintable() for line in printed.split("\n") for each in line), ascii(printed)


def test_from_elsewhere_it_goes_by_address_and_key(instance: Instance, tmp_path: Path) -> None:
    away = {**instance.env, "MSIDP_INSTANCE_DIR": str(tmp_path), "MSIDP_API_KEY": instance.secret_key}
    for name in ("MSIDP_DATABASE_URL", "MSIDP_SECRET_KEY"):
        away.pop(name, None)
    listener = Listener(away, "--url", instance.base_url)
    try:
        assert told(instance, "course.completed")["id"] == listener.line()["id"]
    finally:
        assert listener.stop() == 0
    assert list(tmp_path.iterdir()) == []
    for arguments, words in (
        (("--url", instance.base_url, "--api-key", "sk_wrong"), "unknown or was revoked"),
        ((), "no msidp instance"),
    ):
        refused = msidp("listen", *arguments, env=away)
        assert refused.returncode != 0
        assert words in refused.stderr, refused.stderr


def test_an_instance_that_may_not_call_here_says_how_to_allow_it(tmp_path: Path, instance: Instance) -> None:
    strict = {**instance.env, "MSIDP_OUTBOUND_ALLOW_HTTP": "0", "MSIDP_OUTBOUND_ALLOW_NETWORKS": ""}
    refused = msidp("listen", env=strict)
    assert refused.returncode == 1
    assert "MSIDP_OUTBOUND_ALLOW_HTTP=1" in refused.stderr
    assert webhooks(instance) == []


def test_every_type_can_be_triggered(instance: Instance) -> None:
    types = [each["name"] for each in told(instance, "--list")]
    assert len(types) == 28
    for name in (*types, "member.plan.added"):
        assert told(instance, name)["id"].startswith("evt_")
    with msidp_client(instance) as client:
        assert client.get("/members")["data"] == []
        assert client.get("/plans")["data"] == []
        kept = told(instance, "member.created", "--keep")
        member = client.get(f"/members/{kept['memberId']}")["data"]
        assert member["metaData"] == {"sample": True, "madeBy": "msidp trigger"}
        client.delete(f"/members/{member['id']}")
    for arguments in (
        ["nothing.happened"],
        ["member.created", "--data", "{}"],
        ["post.published", "--data", "["],
    ):
        refused = trigger(instance, *arguments)
        assert refused.exit_code in (1, 2)
        assert isinstance(refused.exception, SystemExit)
    assert "msidp trigger --list" in trigger(instance, "nothing.happened").stderr
    plain = msidp("trigger", "member.updated", env=instance.env)
    assert plain.stdout.startswith("✓ member.updated  evt_")
    assert plain.stderr == ""


def test_a_public_key_verifies_what_a_secret_cannot(instance: Instance, receiver: Receiver) -> None:
    with msidp_client(instance) as client:
        hook = {"name": "A", "url": receiver.url(), "dialect": "memberstack", "v1a": True}
        made = client.post("/webhooks", hook)["data"]
        client.post(f"/webhooks/{made['id']}/test", {})
        (request,) = receiver.wait_for(1)
        (key,) = client.fetch_public(f"{instance.base_url}/.well-known/webhook-keys")["keys"]
        client.delete(f"/webhooks/{made['id']}")
    assert verify_webhook(request.body, request.headers, key["key"]).type == "ping"
    assert verify_webhook(request.body, request.headers, made["secret"]).type == "ping"
    other = "whpk_" + base64.b64encode(bytes(32)).decode()
    for body, secret, reason in (
        (request.body + b" ", key["key"], "signature"),
        (request.body, other, "signature"),
        (request.body, "whpk_AAAA", "secret"),
        (request.body, "whpk_***", "secret"),
    ):
        with pytest.raises(InvalidSignature) as refused:
            verify_webhook(body, request.headers, secret)
        assert refused.value.reason == reason
