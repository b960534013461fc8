"""Sending a mail, and looking at its row."""

from typing import Any

from flask import current_app
from sqlalchemy import select

from msidp import clock, db
from msidp.communities import service as communities
from msidp.mail import outbox, postman
from msidp.mail.models import Mail

CONTEXT: dict[str, Any] = {
    "what": "Your password was changed",
    "at": 1_764_000_000_000,
    "email": "ada@example.com",
    "address": None,
    "user_agent": None,
}


def send(to: str = "ada@example.com", expires_in: int | None = None, **context: Any) -> str:
    """Record a mail and commit."""
    with db.transaction() as session:
        return outbox.send(
            session,
            community_id=communities.ensure_default(session).id,
            to=to,
            template="security_notice",
            context={**CONTEXT, **context},
            expires_at=None if expires_in is None else clock.now() + expires_in,
        )


def row(mail_id: str) -> Mail:
    with db.reading() as session:
        return session.scalars(select(Mail).where(Mail.id == mail_id)).one()


def deliver() -> None:
    """Have the postman look, and wait until he is done."""
    postman.post()
    current_app.extensions["msidp_postman"].rest(30)
