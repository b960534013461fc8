"""The receivers of docs/receivers.md, run as they stand there against real deliveries."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
from flask import Flask
from flask.testing import FlaskClient
from tests.support.draining import drain
from tests.support.node import NODE, run_node
from tests.support.ports import free_port
from tests.webhooks.samples import SECRET
from tests.webhooks.support import add_endpoint, deliveries

from msidp import clock
from msidp.webhooks import secrets, signing

PAGE = (Path(__file__).parents[2] / "docs" / "receivers.md").read_text()
LANGUAGES = {  # fence: file, command
    "python": ("receiver.py", [sys.executable, "receiver.py"]),
    "javascript": ("receiver.mjs", [str(NODE), "receiver.mjs"]),
    "go": ("receiver.go", ["go", "build", "-o", "receiver", "receiver.go"]),
    "php": ("receiver.php", ["php", "-S", "127.0.0.1:{port}", "receiver.php"]),
    "ruby": ("receiver.rb", ["ruby", "receiver.rb"]),
}
SLOW = {"go"}  # compiling it takes longer than all the others together


@contextmanager
def running(language: str, secret: str, directory: Path) -> Iterator[str]:
    """The page's receiver in this language; its address."""
    name, command = LANGUAGES[language]
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    if language in SLOW and not os.environ.get("TEST_EVERY_LANGUAGE"):
        pytest.skip("slow to compile; TEST_EVERY_LANGUAGE=1 runs it")
    (source,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (directory / name).write_text(source)
    port = free_port()
    command = [program, *(part.format(port=port) for part in command[1:])]
    env = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    if language == "go":
        subprocess.run(command, cwd=directory, env=env, check=True)
        command = ["./receiver"]
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, "it ended"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "it does not listen"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_takes_what_is_genuine_and_nothing_else(
    app: Flask, admin: FlaskClient, community_id: str, language: str, tmp_path: Path
) -> None:
    with running(language, SECRET, tmp_path) as url:
        for number, dialect in enumerate(("standard", "memberstack", "memberpad")):
            endpoint_id = add_endpoint(community_id, url, dialect=dialect)
            rotating = {
                "secret": secrets.seal(endpoint_id, "whsec_" + "A" * 43 + "="),
                "previous_secret": secrets.seal(endpoint_id, SECRET),
                "previous_secret_expires_at": clock.now() + clock.DAY,
            }
            set_secrets(endpoint_id, rotating if number else {"secret": secrets.seal(endpoint_id, SECRET)})
        admin.post("/members", json={"email": "jörg@example.com", "customFields": {"9": "a\u2028b"}})
        drain()
        assert [each.status for each in deliveries()] == ["succeeded"] * 3
        for age, body, expected in ((0, b"{}", 204), (0, b"{ }", 401), (400, b"{}", 401), (-400, b"{}", 401)):
            assert post(url, age, body, sign=b"{}") == expected, (age, body)
        for headers in (
            {},
            {"webhook-signature": "v1,"},
            {"webhook-timestamp": "x"},
            {"webhook-signature": "é"},
        ):
            assert post(url, 0, b"{}", sign=b"{}", **headers) == (401 if headers else 204)
        assert urllib3.request("POST", url, body=b"{}").status == 401


def set_secrets(endpoint_id: str, values: dict[str, object]) -> None:
    from sqlalchemy import update

    from msidp import db
    from msidp.webhooks.models import WebhookEndpoint

    with db.transaction() as session:
        session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(**values))


def post(url: str, age: int, body: bytes, *, sign: bytes, **others: str) -> int:
    """The status for a body signed so many seconds ago."""
    at = clock.seconds(clock.now()) - age
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1a,AAAA {signing.sign(SECRET, 'evt_1', at, sign)}",
        **others,
    }
    raw = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    return urllib3.request("POST", url, body=body, headers=raw).status


def test_memberstacks_package_reads_what_node_received() -> None:
    (lines,) = re.findall(r"((?:      .*\n)+)", PAGE.partition("## Other signatures")[2])
    at = clock.seconds(clock.now())
    body = b'{"event":"member.created","payload":{"id":"mem_1"}}'
    signature = signing.sign(SECRET, "evt_1", at, body)
    headers = {"host": "x", "svix-id": "evt_1", "svix-timestamp": str(at), "svix-signature": signature}
    script = f"""
        process.env.MSIDP_API_KEY = 'sk_none';
        const verdict = (request) => {{ try {{ {lines} return 'genuine'; }} catch {{ return 'forged'; }} }};
        const [headers, body] = args;
        const verdicts = [body, {{ ...body, x: 1 }}].map((body) => verdict({{ headers, body }}));
        console.log(JSON.stringify(verdicts));
    """
    told = run_node(script, headers, json.loads(body), env={"WEBHOOK_SECRET": SECRET})
    assert told == ["genuine", "forged"]


def test_the_page_has_every_language() -> None:
    assert re.findall(r"^```(\w+)", PAGE, re.MULTILINE) == list(LANGUAGES)
