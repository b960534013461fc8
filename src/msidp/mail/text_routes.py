"""A community's own mail texts over the Admin API."""

from typing import Any

from msidp import clock, languages
from msidp.api import Answer, Data, answers, api
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.errors import NotFound
from msidp.mail import schemas, texts
from msidp.mail.models import MailText
from msidp.mail.texts import Wording

bp = AdminBlueprint("mail_texts", __name__, url_prefix="/mail-texts")
TAGS = ["branding"]


class Removed(Answer):
    template: str
    language: str


@bp.get("")
@api.validate(resp=answers(Data[schemas.MailTexts]), tags=TAGS)
def show() -> dict[str, Any]:
    """Retrieve the mails that have the community's own words. All others have msidp's."""
    with reading() as session:
        return {"data": [_view(row) for row in texts.all_of(session, caller().community_id)]}


@bp.put("/<template>/<language>")
@api.validate(resp=answers(Data[schemas.MailTextAnswer], 404), tags=TAGS)
def put(template: str, language: str, json: schemas.MailTextBody) -> dict[str, Any]:
    """Give a mail the community's own words in one language."""
    _check(template, language)
    with transaction() as session:
        row = texts.put(session, caller().community_id, template, language, Wording(json.subject, json.body))
        audit.record(session, key_holder(), "mail_text.updated", None, _named(template, language))
        return {"data": _view(row)}


@bp.delete("/<template>/<language>")
@api.validate(resp=answers(Data[Removed], 404), tags=TAGS)
def remove(template: str, language: str) -> dict[str, Any]:
    """Go back to msidp's words."""
    _check(template, language)
    with transaction() as session:
        texts.remove(session, caller().community_id, template, language)
        audit.record(session, key_holder(), "mail_text.deleted", None, _named(template, language))
    return {"data": _named(template, language)}


def _check(template: str, language: str) -> None:
    if template not in texts.PARTS or language not in languages.NAMES:
        raise NotFound("mail-text-not-found", "There is no such mail, or not in this language.")


def _named(template: str, language: str) -> dict[str, str]:
    return {"template": template, "language": language}


def _view(row: MailText) -> dict[str, str]:
    words = {"subject": row.subject, "body": row.body, "updatedAt": clock.iso(row.updated_at)}
    return _named(row.template, row.language) | words
