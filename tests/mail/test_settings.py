"""MSIDP_SMTP_URL and MSIDP_MAIL_FROM: what they may say."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from msidp.mail_server import MailServer
from msidp.settings import Settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 587, False, "auto", "", "", 15)),
        ("smtps://mail.example.com", ("mail.example.com", 465, True, "auto", "", "", 15)),
        ("smtp://u%40x:p%3A%2F@h:25?timeout=3", ("h", 25, False, "required", "u@x", "p:/", 3)),
        ("smtp://u:p@127.0.0.1:25", ("127.0.0.1", 25, False, "auto", "u", "p", 15)),
        ("smtp://u:p@h?starttls=off", ("h", 587, False, "off", "u", "p", 15)),
        ("smtp://[::1]:25/?starttls=required", ("::1", 25, False, "required", "", "", 15)),
    ],
)
def test_a_mail_server(url: str, expected: tuple[object, ...]) -> None:
    assert MailServer.parse(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com",
        "mail.example.com:25",
        "smtp://",
        "smtp://:25",
        "smtp://h:port",
        "smtp://h:99999",
        "smtp://h/path",
        "smtp://h?timeout=0",
        "smtp://h?timeout=soon",
        "smtp://h?timeout=nan",
        "smtp://h?tls=1",
        "smtp://h?starttls=maybe",
    ],
)
def test_no_mail_server(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(instance_dir=tmp_path, smtp_url=url)


@pytest.mark.parametrize("sender", ["a@b.example", "Acme <a@b.example>", '"Ac, me" <a@b.example>'])
def test_a_sender(sender: str, tmp_path: Path) -> None:
    assert Settings(instance_dir=tmp_path, mail_from=sender).mail_from == sender


@pytest.mark.parametrize("sender", ["Acme", "a@b@c", "a b@c", "Acme <a@b>\r\nBcc: x@y", "<>"])
def test_no_sender(sender: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(instance_dir=tmp_path, mail_from=sender)


def test_where_mail_goes_out_a_sign_up_is_proved_first(tmp_path: Path) -> None:
    smtp, given = {"smtp_url": "smtp://127.0.0.1:1"}, {"instance_dir": tmp_path, "secret_key": "a-secret-key"}
    assert Settings(**given).completed().sign_up_proof is False
    assert Settings(**given, **smtp).completed().sign_up_proof is True
    assert Settings(**given, **smtp, sign_up_proof=False).completed().sign_up_proof is False
    assert Settings(**given, sign_up_proof=True).completed().sign_up_proof is True
