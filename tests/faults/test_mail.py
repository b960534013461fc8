"""No mail that was committed is lost: the worker killed while it hands one over, or before it looks."""

import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.forms import Browser
from tests.support.instance import Instance, eventually
from tests.support.mailserver import MailServer


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as listening:
        yield listening


@pytest.fixture
def instance(server: MailServer, tmp_path: Path) -> Iterator[Instance]:
    # A lease lasts two time-outs. Who signs up is in at once, and mailed after.
    settings = {"MSIDP_SMTP_URL": f"{server.url}?timeout=2", "MSIDP_SIGN_UP_PROOF": "0"}
    with Instance(tmp_path / "instance", settings=settings) as running:
        yield running


def sign_up(instance: Instance, email: str) -> None:
    browser = Browser(instance.base_url)
    page = browser.submit(browser.get("/signup").form(), email=email, password="correct horse")
    assert page.path == "/account"


def test_no_mail_is_lost(instance: Instance, server: MailServer) -> None:
    stuck, release = threading.Event(), threading.Event()

    def hang(step: str, _argument: str) -> None:
        if step == "DATA" and not stuck.is_set():
            stuck.set()
            release.wait(30)

    server.answer = hang
    sign_up(instance, "ada@example.com")
    assert stuck.wait(30)
    instance.kill("worker")
    release.set()
    mails = eventually(lambda: [mail for mail in server.mails if mail["To"] == "ada@example.com"], timeout=30)
    assert len({mail["Message-ID"] for mail in mails}) == 1  # a second copy can be told

    # Frozen before it rings, restarted after: the mail waits in the database.
    instance.kill("worker", signal.SIGSTOP)
    sign_up(instance, "bob@example.com")
    instance.kill("worker")
    eventually(lambda: any(mail["To"] == "bob@example.com" for mail in server.mails), timeout=30)
    text = next(mail for mail in server.mails if mail["To"] == "bob@example.com").get_body(("plain",))
    assert text is not None
    assert re.search(rf"{re.escape(instance.base_url)}/verify-email\?token=[\w-]{{43}}", text.get_content())
