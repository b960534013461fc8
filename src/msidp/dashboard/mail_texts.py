"""Settings → Mail texts: the community's own words for the mails that lead in, and how they look."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from msidp import languages
from msidp.audit import service as audit
from msidp.branding import service as branding
from msidp.dashboard.frame import HOME, actor, again, bp, done, operator, page
from msidp.dashboard.input import checked
from msidp.db import reading, transaction
from msidp.errors import NotFound, Problem
from msidp.mail import letters, texts
from msidp.mail.schemas import MailTextBody
from msidp.mail.texts import Wording
from msidp.page_policy import allow_style_attributes

PATH = f"{HOME}/settings/texts"
NAMES = {
    "verify_email": "Confirm an address",
    "reset_password": "A new password",
    "sign_in": "Sign in by mail",
    "sign_up": "Finish a sign-up",
    "change_email": "A new address",
    "reset_password_code": "A new password, on a site of yours",
    "sign_in_code": "Sign in by mail, on a site of yours",
    "sign_up_code": "Sign up by mail, on a site of yours",
}
_SAMPLE = {"token": "…", "email": "ada@example.com", "code": "123456"}


@bp.get("/settings/texts")
def list_mail_texts() -> Response:
    """Which mails have words of their own."""
    with reading() as session:
        own = {(row.template, row.language) for row in texts.all_of(session, operator().community_id)}
    return page("mail_texts", names=NAMES, languages=languages.NAMES, own=own)


@bp.get("/settings/texts/<template>/<language>")
def show_mail_text(template: str, language: str) -> Response:
    """One mail's words."""
    return _page(template, language)


@bp.post("/settings/texts/<template>/<language>")
def change_mail_text(template: str, language: str) -> Response:
    """Give the mail these words."""
    try:
        _check(template, language)
        wording = _sent()
        with transaction() as session:
            texts.put(session, operator().community_id, template, language, wording)
            named = {"template": template, "language": language}
            audit.record(session, actor(), "mail_text.updated", None, named)
    except Problem as problem:
        return again(problem, _page, template, language, values=request.form)
    return done("Saved. The next mail has these words.", f"{PATH}/{template}/{language}")


@bp.post("/settings/texts/<template>/<language>/preview")
def preview_mail_text(template: str, language: str) -> Response:
    """The mail with the form's words, which are not saved."""
    try:
        _check(template, language)
        wording = _sent()
        texts.check(template, wording)
    except Problem as problem:
        return again(problem, _page, template, language, values=request.form)
    return _page(template, language, values=request.form, wording=wording)


@bp.post("/settings/texts/<template>/<language>/delete")
def delete_mail_text(template: str, language: str) -> Response:
    """Go back to msidp's words."""
    with transaction() as session:
        texts.remove(session, operator().community_id, template, language)
        named = {"template": template, "language": language}
        audit.record(session, actor(), "mail_text.deleted", None, named)
    return done("The mail has msidp’s words again.", f"{PATH}/{template}/{language}")


def _sent() -> Wording:
    """The form's words. Raises Invalid."""
    form = request.form
    fields = {"subject": form.get("subject", "").strip(), "body": form.get("body", "").strip()}
    read = checked(MailTextBody, fields)
    return Wording(read.subject, read.body)


def _check(template: str, language: str) -> None:
    if template not in texts.PARTS or language not in languages.NAMES:
        raise NotFound("not-found", "There is no such mail, or not in this language.")


def _page(template: str, language: str, *, wording: Wording | None = None, **context: Any) -> Response:
    _check(template, language)
    with reading() as session:
        brand = branding.read(session, operator().community_id)
        own = texts.find(session, operator().community_id, template, language)
    base_url = current_app.extensions["msidp_settings"].base_url
    letter = letters.write(template, brand, base_url, _SAMPLE, language, wording or own)
    allow_style_attributes(letter.html)
    values = {"subject": own.subject, "body": own.body} if own else {}
    frame: dict[str, Any] = {
        "path": f"{PATH}/{template}/{language}",
        "name": NAMES[template],
        "tag": language,
        "parts": texts.PARTS[template],
        "own": own,
        "values": values,
        "letter": letter,
        "html": letter.html.replace("<body", "<body inert", 1),
    }
    return page("mail_text", **frame | context)
