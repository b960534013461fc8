"""A community's own words for its mails: what they may be, and what members get."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.dashboard.conftest import csrf_token
from tests.support.threads import at_once

from msidp import db, languages
from msidp.audit.models import AuditEntry
from msidp.mail import schemas, texts

RESET = "/mail-texts/reset_password/de"
WORDS = {"subject": "Neu bei {community}", "body": "Hallo {email} <b>!</b>\n\n{button}\n  Bis   bald."}


def ask_for_reset(client: FlaskClient, language: str) -> None:
    path = f"/forgot-password?ui_locales={language}"
    data = {"csrf_token": csrf_token(client, path), "email": "ann@example.com"}
    assert client.post(path, data=data).status_code == 200


def newest(admin: FlaskClient) -> dict[str, str]:
    return admin.get("/dev/inbox").json["data"][0]


def test_a_mail_has_the_community_s_words_in_their_language(admin: FlaskClient, client: FlaskClient) -> None:
    admin.post("/members", json={"email": "ann@example.com"})
    admin.patch("/branding", json={"name": "<i>{email}{button}</i>"})
    put = admin.put(RESET, json=WORDS)
    assert put.status_code == 200, put.json
    assert admin.get("/mail-texts").json["data"] == [put.json["data"]]
    ask_for_reset(client, "de")
    mail = newest(admin)
    assert mail["subject"] == "Neu bei <i>{email}{button}</i>", "what a value holds is no placeholder"
    assert mail["text"].startswith("Hallo ann@example.com <b>!</b>\n\nNeues Passwort")
    assert "Bis bald." in mail["text"]
    for form in ("text", "html"):
        assert "Der Link gilt einmal, eine Stunde lang." in mail[form], "no words of their own take that away"
    assert "Hallo ann@example.com &lt;b&gt;!&lt;/b&gt;" in mail["html"]
    assert "<i>" not in mail["html"]
    token = re.search(r"/reset-password\?token=([\w-]+)&ui_locales=de", mail["text"])
    assert token, mail["text"]
    assert token.group(1) in mail["html"]
    ask_for_reset(client, "fr")
    assert newest(admin)["subject"] == "Choisir un nouveau mot de passe"
    assert "Choisir un nouveau mot de passe\N{NO-BREAK SPACE}:\nhttp" in newest(admin)["text"]
    assert admin.put(RESET, json=WORDS | {"subject": "Zwei"}).json["data"]["subject"] == "Zwei"
    assert admin.delete(RESET).status_code == 200
    assert admin.delete(RESET).status_code == 404
    ask_for_reset(client, "de")
    assert "Hallo" not in newest(admin)["text"]
    with db.reading() as session:
        actions = [entry.action for entry in session.query(AuditEntry).order_by(AuditEntry.seq)]
    assert [each for each in actions if each.startswith("mail_text")] == [
        "mail_text.updated", "mail_text.updated", "mail_text.deleted",
    ]  # fmt: skip


def test_of_words_that_come_at_once_one_set_stays(app: Flask, admin: FlaskClient) -> None:
    headers = {"X-API-KEY": admin.environ_base["HTTP_X_API_KEY"]}
    answers = at_once(8, lambda _: app.test_client().put(RESET, json=WORDS, headers=headers))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(admin.get("/mail-texts").json["data"]) == 1


WRONG = [
    {"body": "no button"}, {"body": "{button}\n{button}"}, {"body": "press {button}"},
    {"body": "{button}\n{code}"}, {"subject": "x" * 151},
    {"body": "{button}\n{token}"}, {"body": "{button}\n{}"}, {"body": "{button}\n{email.__class__}"},
    {"subject": "{button}"}, {"subject": "a\r\nBcc: eve@example.com"}, {"subject": ""},
    {"subject": "bell\x07"}, {"body": "{button}\nnul\0"}, {"body": "{button}\n\ud800"},
    {"body": "{button}\n" + "x" * 4000}, {"subject": "line\u2028end"}, {"body": None}, {"extra": "1"},
]  # fmt: skip


@pytest.mark.database("sqlite")
def test_words_that_cannot_be_are_refused(admin: FlaskClient, client: FlaskClient) -> None:
    for wrong in WRONG:
        assert admin.put(RESET, json=WORDS | wrong).status_code in (400, 422), wrong
    assert admin.put("/mail-texts/sign_in/en", json=WORDS).status_code == 422, "the code is missing"
    for path in ("security_notice/en", "reset_password/it", "layout.html/en", "own/en"):
        assert admin.put(f"/mail-texts/{path}", json=WORDS).status_code == 404
    assert client.put(RESET, json=WORDS).status_code == 401
    assert admin.get("/mail-texts").json["data"] == []
    assert set(schemas.Template.__args__) == set(texts.PARTS)
    assert set(languages.Language.__args__) == set(languages.NAMES)
