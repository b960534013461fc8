"""The development inbox: the mails that were kept because no SMTP is set."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.mail import letters
from msidp.mail.letters import Letter
from msidp.mail.models import Mail

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail in the inbox."""

    id: str
    to: str
    letter: Letter
    created_at: int


def newest(session: Session, community_id: str, *, owners: bool) -> list[Kept]:
    """The community's mails that are kept and can be opened, the newest first.

    Those that make somebody an operator are for `owners`.
    """
    kept = [Mail.status == "inbox", Mail.community_id == community_id, Mail.expires_at > clock.now()]
    if not owners:
        kept.append(Mail.template != "operator_invited")
    mails = session.scalars(select(Mail).where(*kept).order_by(Mail.seq.desc()).limit(SHOWN))
    return [
        Kept(mail.id, mail.recipient, letter, mail.created_at)
        for mail in mails
        if (letter := letters.unseal(mail.letter, mail.id))
    ]
