"""A community's own words for the mails that lead in, in place of msidp's.

A body is text: each line a paragraph, `{community}` and `{email}` anywhere, `{button}` and `{code}` on lines
of their own. What stands for a placeholder is put in once and never looked at again, and all of it is escaped
where it comes to stand in HTML. Mails that warn keep their words: they are no place for a mistake.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.db import lock
from msidp.errors import Invalid, NotFound
from msidp.mail.models import MailText

PARTS: Mapping[str, tuple[str, ...]] = {  # each template's own parts, all of which a body needs
    "verify_email": ("button",),
    "reset_password": ("button",),
    "sign_in": ("code", "button"),
    "sign_up": ("button",),
    "reset_password_code": ("code", "button"),
    "sign_in_code": ("code",),
    "sign_up_code": ("code",),
    "change_email": ("button",),
}
VALUES = ("community", "email")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OWN = select(MailText.subject, MailText.body).where(
    MailText.community_id == bindparam("community_id"),
    MailText.template == bindparam("template"),
    MailText.language == bindparam("language"),
)


@dataclass(frozen=True, slots=True)
class Wording:
    """A subject and a body, with placeholders."""

    subject: str
    body: str

    def subject_for(self, values: Mapping[str, str]) -> str:
        """The subject with the values in it."""
        return _filled(self.subject, values)

    def pieces_for(self, values: Mapping[str, str]) -> list[tuple[str, str]]:
        """What the body is made of: (`paragraph`, its text), or the name of a part and nothing."""
        return [
            (part, "") if (part := _part(line)) else ("paragraph", _filled(line, values))
            for line in _lines(self.body)
        ]


def check(template: str, wording: Wording) -> None:
    """Raises Invalid for an unknown placeholder, and where a part is missing, doubled or within a line."""
    wanted = PARTS[template]
    problems = [
        *_unknown("subject", wording.subject, VALUES),
        *_unknown("body", wording.body, (*VALUES, *wanted)),
    ]
    parts = [_part(line) for line in _lines(wording.body)]
    problems += [
        {"field": "body", "message": f"body: {{{name}}} must stand once, on a line of its own"}
        for name in wanted
        if parts.count(name) != 1 or wording.body.count(f"{{{name}}}") != 1
    ]
    if problems:
        raise Invalid("invalid", problems[0]["message"], details=problems)


def find(session: Session, community_id: str, template: str, language: str) -> Wording | None:
    """The community's words for this mail in this language; None where it has msidp's."""
    # Asked of every mail: what an address costs must not tell whether somebody has it.
    key = {"community_id": community_id, "template": template, "language": language}
    row = session.execute(_OWN, key).one_or_none()
    return None if row is None else Wording(row.subject, row.body)


def all_of(session: Session, community_id: str) -> list[MailText]:
    """All the words that the community has of its own."""
    statement = select(MailText).where(MailText.community_id == community_id)
    return list(session.scalars(statement.order_by(MailText.template, MailText.language)))


def put(session: Session, community_id: str, template: str, language: str, wording: Wording) -> MailText:
    """Give a mail the community's words. Raises Invalid."""
    check(template, wording)
    lock(session, f"mail texts of {community_id}")  # of two at once, the later finds the other's row
    row = MailText(community_id=community_id, template=template, language=language)
    row.subject, row.body, row.updated_at = wording.subject, wording.body, clock.now()
    return session.merge(row)


def remove(session: Session, community_id: str, template: str, language: str) -> None:
    """Go back to msidp's words. Raises NotFound (`mail-text-not-found`)."""
    key = (
        MailText.community_id == community_id,
        MailText.template == template,
        MailText.language == language,
    )
    if session.execute(delete(MailText).where(*key).returning(MailText.template)).one_or_none() is None:
        raise NotFound("mail-text-not-found", "This mail has msidp's own words in that language.")


def _lines(body: str) -> list[str]:
    return [" ".join(line.split()) for line in body.splitlines() if line.strip()]


def _part(line: str) -> str | None:
    """The part that this line stands for."""
    found = _PLACEHOLDER.fullmatch(line)
    return found.group(1) if found and found.group(1) not in VALUES else None


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)


def _unknown(field: str, text: str, known: tuple[str, ...]) -> list[dict[str, str]]:
    names = ", ".join(f"{{{name}}}" for name in known)
    return [
        {"field": field, "message": f"{field}: there is no {{{name[:50]}}}, only {names}"}
        for name in dict.fromkeys(_PLACEHOLDER.findall(text))
        if name not in known
    ][:5]
