"""The postman, with a real mail server at a real socket: what it takes, refuses, and never answers."""

import ssl
import threading
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update
from tests.mail.conftest import applied
from tests.mail.support import deliver, row, send
from tests.support.mailserver import MailServer, StuckServer

from msidp import clock, db, queue
from msidp.mail import delivery, postman
from msidp.mail.models import Mail
from msidp.ops.jobs import new_worker
from msidp.settings import Settings


def make_due(mail_id: str, **values: object) -> None:
    with db.transaction() as session:
        session.execute(update(Mail).where(Mail.id == mail_id).values(due_at=clock.now(), **values))


def test_a_mail_is_sent_once_and_its_words_are_deleted(mailing: Flask, server: MailServer) -> None:
    mail_id = send(to="Ada.Lovelace@example.com", address="192.0.2.1")
    deliver()
    deliver()
    [mail] = server.mails
    assert server.envelopes == [("no-reply@localhost", ["Ada.Lovelace@example.com"])]
    assert mail["To"] == "Ada.Lovelace@example.com"
    assert mail["From"] == "My community <no-reply@localhost>"
    assert mail["Subject"] == "Your password was changed"
    assert mail["Message-ID"] == f"<{mail_id}@localhost>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime is not None
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "It came from 192.0.2.1." in mail.get_body(("plain",)).get_content()
    stored = row(mail_id)
    assert (stored.status, stored.letter, stored.due_at, stored.attempt_count) == ("sent", None, None, 1)


def test_a_worker_takes_the_job_and_ends_with_the_mail_in_hand(mailing: Flask, server: MailServer) -> None:
    mails = [send() for _ in range(3)]
    assert queue.queue(queue.MAIL).count == 1
    new_worker(mailing.extensions["msidp_settings"].redis_url).work(burst=True, logging_level=None)
    postman.finish()
    assert [row(mail_id).status for mail_id in mails] == ["sent"] * 3
    assert len(server.sessions) == 1  # one connection for all of them


def test_what_is_refused_for_now_is_tried_again(mailing: Flask, server: MailServer) -> None:
    server.answer = lambda step, _: "451 4.7.1 come back later" if step == "RCPT" else None
    mail_id = send()
    before = clock.now()
    deliver()
    stored = row(mail_id)
    assert (stored.status, stored.attempt_count) == ("pending", 1)
    assert stored.error == "451 4.7.1 come back later"
    assert stored.due_at is not None
    assert before + 30_000 <= stored.due_at <= clock.now() + 30_000
    make_due(mail_id)
    server.answer = lambda _step, _argument: None
    deliver()
    assert row(mail_id).status == "sent"
    assert row(mail_id).attempt_count == 2


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_what_is_refused_for_good_is_given_up(mailing: Flask, server: MailServer, step: str) -> None:
    server.answer = lambda at, _: "550 5.1.1 no such user" if at == step else None
    refused = send()
    deliver()
    stored = row(refused)
    assert (stored.status, stored.letter, stored.due_at) == ("failed", None, None)
    assert stored.error == "550 5.1.1 no such user"
    with db.reading() as session:
        assert delivery.lost_since(session, 0) == (1, "550 5.1.1 no such user")


@pytest.mark.database("sqlite")
def test_a_refused_sender_can_be_mended(mailing: Flask, server: MailServer) -> None:
    server.answer = lambda step, _: "553 not from there" if step == "MAIL" else None
    mail_id = send()
    deliver()
    assert row(mail_id).status == "pending"


@pytest.mark.database("sqlite")
def test_one_refusal_is_not_in_the_way_of_others(mailing: Flask, server: MailServer) -> None:
    server.answer = lambda step, to: "550 no" if step == "RCPT" and "bad" in to else None
    mails = [send(to=f"{name}@example.com") for name in ("bad1", "good", "bad2", "fine")]
    deliver()
    assert [row(mail_id).status for mail_id in mails] == ["failed", "sent", "failed", "sent"]


@pytest.mark.database("sqlite")
def test_a_mail_is_not_sent_once_it_is_worth_nothing(mailing: Flask, server: MailServer) -> None:
    server.answer = lambda step, _: "451 later" if step == "RCPT" else None
    soon = send(expires_in=20_000)
    deliver()
    assert row(soon).status == "failed"  # the next attempt would come too late
    late = send(expires_in=-1)
    server.answer = lambda _step, _argument: None
    deliver()
    assert row(late).status == "failed"
    assert server.mails == []


def test_a_mail_that_ends_its_worker_is_given_up(mailing: Flask, server: MailServer) -> None:
    mail_id = send()
    make_due(mail_id, claims=delivery.MAX_CLAIMS)
    deliver()
    assert row(mail_id).status == "failed"
    assert server.mails == []


def test_a_claim_is_one_process_alone_and_comes_back(mailing: Flask) -> None:
    mail_id = send()
    now = clock.now()
    with db.transaction() as session:
        first = delivery.claim(session, now, 1_000)
        assert first is not None
        assert delivery.claim(session, now, 1_000) is None
    with db.transaction() as session:
        second = delivery.claim(session, now + 1_001, 1_000)
        assert second is not None
        assert second.id == mail_id
        delivery.sent(session, first, now)  # it outlived its lease
    assert row(mail_id).status == "pending"
    with db.transaction() as session:
        delivery.refused(session, first, now, "too late", final=True)
        delivery.sent(session, second, now)
    assert row(mail_id).status == "sent"


def test_while_the_server_is_away_no_mail_loses_an_attempt(settings: Settings) -> None:
    with applied(settings, smtp_url="smtp://127.0.0.1:1") as app:
        mail_id = send()
        deliver()
        stored = row(mail_id)
        assert (stored.status, stored.attempt_count, stored.claims) == ("pending", 0, 0)
        assert app is not None


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(("greeting", "pause"), [(b"", 0), (b"220 hello\r\n", 0), (b"220 " + b"x" * 60, 0.1)])
def test_a_server_that_never_answers_costs_its_time_out(
    settings: Settings, greeting: bytes, pause: float
) -> None:
    stuck = StuckServer(greeting, pause)
    try:
        with applied(settings, smtp_url=f"{stuck.url}?timeout=0.5"):
            mail_id = send()
            begun = time.monotonic()
            deliver()
            assert time.monotonic() - begun < 3
            assert row(mail_id).status == "pending"
    finally:
        stuck.stop()


@pytest.mark.database("sqlite")
def test_a_server_that_stops_answering_in_the_middle_is_cut_off(
    settings: Settings, server: MailServer
) -> None:
    release = threading.Event()
    server.answer = lambda step, _: release.wait(20) and None if step == "DATA" else None
    with applied(settings, smtp_url=f"{server.url}?timeout=2"):
        mail_id = send()
        begun = time.monotonic()
        deliver()
        assert time.monotonic() - begun < 5
        stored = row(mail_id)
        assert (stored.status, stored.attempt_count) == ("pending", 1)
        release.set()


@pytest.fixture
def trusting(settings: Settings, ca_file: Path) -> Settings:
    return settings.model_copy(update={"outbound_ca_file": ca_file})


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_mails_travel_encrypted_where_the_server_can(
    trusting: Settings, tls: ssl.SSLContext, scheme: str
) -> None:
    kind = {"smtps": "smtps", "smtp": "starttls"}[scheme]
    with MailServer(**{kind: tls}) as server:  # type: ignore[arg-type]
        with applied(trusting, smtp_url=f"{scheme}://localhost:{server.port}"):
            mail_id = send()
            deliver()
            assert row(mail_id).status == "sent", row(mail_id).error
        assert server.encrypted == [True]


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_an_unknown_authority_gets_no_mail(settings: Settings, tls: ssl.SSLContext, scheme: str) -> None:
    kind = {"smtps": "smtps", "smtp": "starttls"}[scheme]
    with MailServer(**{kind: tls}) as server:  # type: ignore[arg-type]
        with applied(settings, smtp_url=f"{scheme}://localhost:{server.port}"):
            mail_id = send()
            deliver()
            assert row(mail_id).status == "pending"
        assert server.mails == []


@pytest.mark.database("sqlite")
def test_required_encryption_is_required(settings: Settings, server: MailServer) -> None:
    with applied(settings, smtp_url=f"{server.url}?starttls=required"):
        send()
        deliver()
    assert server.mails == []


@pytest.mark.database("sqlite")
@pytest.mark.parametrize(("password", "status"), [("p@ss/word", "sent"), ("wrong", "pending")])
def test_it_logs_in(trusting: Settings, tls: ssl.SSLContext, password: str, status: str) -> None:
    with MailServer(starttls=tls, password="p@ss/word") as server:
        quoted = password.replace("@", "%40").replace("/", "%2F")
        with applied(trusting, smtp_url=f"smtp://msidp:{quoted}@localhost:{server.port}"):
            mail_id = send()
            deliver()
            assert row(mail_id).status == status, row(mail_id).error


@pytest.mark.database("sqlite")
def test_addresses_of_all_the_world(mailing: Flask, server: MailServer) -> None:
    addresses = {
        "info@straße.de": "info@xn--strae-oqa.de",  # IDNA 2008: another name than strasse.de
        "用户@例え.jp": "用户@xn--r8jz45g.jp",
        "o'brien+x@example.com": "o'brien+x@example.com",
    }
    mails = [send(to=address) for address in addresses]
    deliver()
    assert [row(mail_id).status for mail_id in mails] == ["sent"] * len(mails)
    assert [to for _, [to] in server.envelopes] == list(addresses.values())


@pytest.mark.database("sqlite")
def test_nothing_gets_into_the_headers(mailing: Flask, server: MailServer) -> None:
    attack = "Hi\r\nBcc: eve@evil.example\r\n\r\n<h1>"
    with db.transaction() as session:
        from msidp.communities import service as communities

        communities.ensure_default(session).name = attack + '"<x@evil.example>'
    send(what=attack)
    for to in ("a@example.com\r\nBcc: eve@evil.example", "a@example.com,eve@evil.example", "a@b.example\n"):
        send(to=to)
    deliver()
    [mail] = server.mails
    assert [name for name in mail if name.lower() in ("bcc", "to", "cc")] == ["To"]
    assert mail["Subject"] == "Hi Bcc: eve@evil.example <h1>"
    assert mail["From"].addresses[0].addr_spec == "no-reply@localhost"
    assert server.envelopes == [("no-reply@localhost", ["ada@example.com"])]


@pytest.mark.database("sqlite")
def test_the_sender_is_a_setting(settings: Settings, server: MailServer) -> None:
    with applied(settings, smtp_url=server.url, mail_from="Acme Ltd <hello@acme.example>"):
        send()
        deliver()
    assert server.envelopes[0][0] == "hello@acme.example"
    assert server.mails[0]["From"] == "Acme Ltd <hello@acme.example>"


@pytest.fixture
def settled(mailing: Flask, server: MailServer) -> str:
    mail_id = send()
    deliver()
    return mail_id


def test_records_go_after_a_month(settled: str) -> None:
    for age, left in ((29, 1), (31, 0)):
        with db.transaction() as session:
            session.execute(update(Mail).values(settled_at=clock.now() - age * clock.DAY))
        with db.transaction() as session:
            assert delivery.purge_expired(session, clock.now()) == 1 - left
