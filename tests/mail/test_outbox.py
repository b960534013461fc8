"""Mails join the transaction of what caused them; what they say is sealed."""

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from tests.mail.support import CONTEXT, row, send

from msidp import db, queue
from msidp.branding.service import Brand
from msidp.communities.models import Community
from msidp.mail import inbox, letters, outbox
from msidp.mail.models import Mail


def test_a_mail_is_recorded_with_what_caused_it_or_not_at_all(mailing: Flask) -> None:
    mail_id = send()
    assert row(mail_id).status == "pending"
    assert queue.queue(queue.MAIL).count == 1
    queue.queue(queue.MAIL).empty()
    with pytest.raises(RuntimeError), db.transaction() as session:
        community_id = session.scalars(select(Community.id)).one()
        outbox.send(
            session, community_id=community_id, to="a@b.example", template="security_notice", context=CONTEXT
        )
        raise RuntimeError
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Mail)) == 1
    assert queue.queue(queue.MAIL).count == 0


def test_what_a_mail_says_is_sealed_in_its_own_row(mailing: Flask) -> None:
    one, other = send(user_agent="hush-hush", address="192.0.2.1"), send()
    with db.reading() as session:
        stored = session.execute(text("SELECT letter FROM mail")).scalars().all()
    assert not any("hush" in sealed or "changed" in sealed for sealed in stored)
    letter = letters.unseal(row(one).letter, one)
    assert letter is not None
    assert "hush-hush" in letter.text
    assert letters.unseal(row(one).letter, other) is None


def test_a_letter_is_text_and_html_of_one_template(app: Flask) -> None:
    context = {**CONTEXT, "address": "192.0.2.1", "user_agent": "<b>Fire & Fox</b>"}
    letter = letters.write(
        "security_notice", Brand("R&D <x>", accent_color="#ffaa00"), "https://id.example.com", context
    )
    assert letter.subject == "Your password was changed"
    assert "It came from 192.0.2.1 (<b>Fire & Fox</b>)." in letter.text
    assert "Choose a new password:\nhttps://id.example.com/forgot-password\n" in letter.text
    assert letter.text.endswith("--\nR&D <x>\n")
    assert "\n\n\n" not in letter.text
    assert "24 November 2025, 16:00 UTC" in letter.text.replace("\n", " ")
    assert max(map(len, letter.text.splitlines())) <= 78
    assert "<b>Fire" not in letter.html
    assert "&lt;b&gt;Fire &amp; Fox&lt;/b&gt;" in letter.html
    assert "R&amp;D &lt;x&gt;" in letter.html
    assert 'href="https://id.example.com/forgot-password"' in letter.html
    assert "background:#ffaa00;color:#10142a" in letter.html
    assert "<style" not in letter.html
    assert "<script" not in letter.html


def test_without_smtp_mails_are_kept_and_the_oldest_go(
    app: Flask, community_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "INBOX_SIZE", 3)
    sent = [send(to=f"{number}@example.com") for number in range(5)]
    with db.reading() as session:
        kept = inbox.newest(session, community_id, owners=True)
        assert session.scalar(select(func.count()).select_from(Mail)) == 3
    assert [mail.id for mail in kept] == sent[:1:-1]
    assert queue.queue(queue.MAIL).count == 0
