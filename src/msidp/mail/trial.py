"""A mail to see that mails arrive."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import clock, languages
from msidp.audit import service as audit
from msidp.audit.service import Actor
from msidp.mail import outbox
from msidp.mail.models import Mail

GOOD_FOR = 10 * clock.MINUTE  # nobody waits longer for a mail that is only tried


def send(session: Session, actor: Actor, to: str, name: str) -> str:
    """Mail an operator, the way every mail goes. Returns the mail's id."""
    mail_id = outbox.send(
        session,
        community_id=actor.community_id,
        to=to,
        template="test",
        context={"name": name},
        expires_at=clock.now() + GOOD_FOR,
        language=languages.SOURCE,  # as the dashboard
    )
    audit.record(session, actor, "mail.tested", mail_id)
    return mail_id


def find(session: Session, community_id: str, mail_id: str) -> Mail | None:
    """How the mail with this id fares."""
    mine = (Mail.community_id == community_id, Mail.template == "test", Mail.id == mail_id)
    return session.scalar(select(Mail).where(*mine))
