"""What `msidp doctor` finds about mail."""

import ssl
from pathlib import Path

import pytest
from flask import Flask
from tests.mail.conftest import applied
from tests.mail.support import deliver, send
from tests.support.mailserver import MailServer

from msidp.ops.checks import Check
from msidp.ops.diagnosis import check_mail
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")


def examined(settings: Settings, **changes: object) -> Check:
    with applied(settings, **changes):
        return check_mail(Settings(**{**settings.model_dump(), **changes}).completed())[0]


def test_no_smtp_is_fine(settings: Settings) -> None:
    check = examined(settings)
    assert check.ok
    assert "/dev/inbox" in check.message


def test_a_server_that_takes_mail(settings: Settings, server: MailServer) -> None:
    check = examined(settings, smtp_url=server.url)
    assert check.ok
    assert "takes mail from no-reply@localhost" in check.message
    assert server.mails == []


def test_a_server_that_does_not_answer(settings: Settings) -> None:
    check = examined(settings, smtp_url="smtp://127.0.0.1:1")
    assert not check.ok
    assert "MSIDP_SMTP_URL" in check.mend


def test_a_server_that_refuses_the_sender(settings: Settings, server: MailServer) -> None:
    server.answer = lambda step, _: "553 not from there" if step == "MAIL" else None
    check = examined(settings, smtp_url=server.url)
    assert not check.ok
    assert "MSIDP_MAIL_FROM" in check.mend
    assert "not from there" in check.detail


def test_a_wrong_password_and_an_unknown_authority(
    settings: Settings, tls: ssl.SSLContext, ca_file: Path
) -> None:
    with MailServer(starttls=tls, password="right") as server:
        url = f"smtp://msidp:wrong@localhost:{server.port}"
        unknown = examined(settings, smtp_url=url)
        assert "certificate verify failed" in unknown.detail
        refused = examined(settings, smtp_url=url, outbound_ca_file=ca_file)
        assert refused.detail.startswith("535")
        assert "wrong" not in f"{refused}"


def test_mails_that_were_given_up(mailing: Flask, server: MailServer, settings: Settings) -> None:
    server.answer = lambda step, _: "550 no such user" if step == "RCPT" else None
    send()
    deliver()
    found = check_mail(mailing.extensions["msidp_settings"])
    assert [check.ok for check in found] == [True, False]
    assert "1 given up" in found[1].message
    assert found[1].detail == "550 no such user"
