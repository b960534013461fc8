"""The outbox: a mail joins the transaction of what caused it."""

from collections.abc import Mapping
from typing import Any

from flask import current_app
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from msidp import clock, ids, languages, queue
from msidp.branding import service as branding
from msidp.db import after_commit
from msidp.mail import letters, texts
from msidp.mail.models import Mail
from msidp.settings import Settings

LIFETIME = 2 * clock.DAY  # how long a mail is tried that has no moment of its own
INBOX_LIFETIME = clock.DAY
INBOX_SIZE = 200


def send(
    session: Session,
    *,
    community_id: str,
    to: str | None,
    template: str,
    context: Mapping[str, Any],
    expires_at: int | None = None,
    language: str | None = None,
) -> str:
    """Record a mail; it goes out once the session commits. Returns its id.

    `to` is a usable address (`members.emails.normalise`), `template` a file in templates/mail without its
    `.jinja`. What carries a token should not outlive it: after `expires_at` the mail is given up. To nobody
    (None) the same work is done for nothing, where it must not show that there is nobody. Without a
    `language` (one of `languages.LANGUAGES`) it comes in the community's.
    """
    now = clock.now()
    settings: Settings = current_app.extensions["msidp_settings"]
    inbox = settings.smtp_url is None
    brand = branding.read(session, community_id)
    language = language or languages.best([brand.language]) or languages.SOURCE
    own = texts.find(session, community_id, template, language)
    letter = letters.write(template, brand, settings.base_url, context, language, own)
    mail_id = ids.new_id("mail")
    sealed = letters.seal(letter, mail_id)
    values = {
        "id": mail_id,
        "community_id": community_id,
        "recipient": to or "",
        "template": template,
        "letter": sealed if to else None,
        "status": "nobody" if to is None else "inbox" if inbox else "pending",
        "due_at": None if inbox or to is None else now,
        "settled_at": now if to is None else None,
        "created_at": now,
        "expires_at": now + INBOX_LIFETIME if inbox else expires_at or now + LIFETIME,
    }
    connection = session.connection()
    seq = connection.execute(insert(Mail).returning(Mail.seq), values).scalar_one()
    if inbox:
        connection.execute(delete(Mail).where(Mail.status == "inbox", Mail.seq <= seq - INBOX_SIZE))
    else:
        after_commit(session, queue.MAIL, lambda: queue.ring(queue.MAIL))
    return mail_id
