"""What a mail says: one template a mail, rendered twice, as plain text and as HTML.

Each language has environments of its own, whose gettext is bound to its catalogue.

A template fills the blocks `subject` and `content`, the latter with `parts.paragraph(…)`, `parts.button(…)`
and `parts.code(…)`; which `parts` it gets decides what comes out. `link(path)` makes the address of a page
of this site, `community` is the name of who writes, and `moment(…)` shows a moment.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from msidp import languages
from msidp.branding.service import Brand
from msidp.mail.texts import Wording
from msidp.vault.fields import CannotOpen, cipher

FORMS = ("text", "html")


class Letter(NamedTuple):
    """A mail's words, and the community they come from."""

    sender: str
    subject: str
    text: str
    html: str


def seal(letter: Letter, mail_id: str) -> str:
    """The letter as its row keeps it."""
    return cipher().seal(json.dumps(letter), _context(mail_id))


def unseal(sealed: str | None, mail_id: str) -> Letter | None:
    """The letter of a row; None where it was deleted, or no secret key at hand opens it."""
    try:
        return Letter(*json.loads(cipher().open(sealed, _context(mail_id)))) if sealed else None
    except CannotOpen:
        return None


def write(
    template: str,
    brand: Brand,
    base_url: str,
    context: Mapping[str, Any],
    language: str = languages.SOURCE,
    own: Wording | None = None,
) -> Letter:
    """The letter that this template makes of its context, in a language.

    `brand` is who it comes from, `own` are their words for it. The pages that it links to come in its
    language too.
    """
    texts = languages.catalogue(language)
    speaking = f"ui_locales={language}" if language != languages.SOURCE else ""

    def link(path: str) -> str:
        return base_url + path + (("&" if "?" in path else "?") + speaking if speaking else "")

    values: dict[str, Any] = {
        **{name: languages.say(value, texts) for name, value in context.items()},
        "community": brand.name,
        "logo": brand.logo,
        "shades": brand.on_paper,
        "origin": base_url,
        "language": language,
        "link": link,
        "moment": partial(languages.minute, language=language),
    }
    if own is not None:
        texts_of = {"community": brand.name, "email": str(context["email"])}
        values["base"] = f"{template}.jinja"
        values["own"] = {"subject": own.subject_for(texts_of), "pieces": own.pieces_for(texts_of)}
        template = "own"
    text, html = (_render(form, language, template, values) for form in FORMS)
    return Letter(brand.name, text[0], text[1], html[1])


def _render(form: str, language: str, name: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """The subject on one line, and the body."""
    environment = _environment(form, language)
    template = environment.get_template(f"{name}.jinja")
    parts = environment.get_template(f"parts.{form}.jinja").make_module({"shades": context["shades"]})
    values = {**context, "parts": parts, "layout": f"layout.{form}.jinja"}
    subject = "".join(template.blocks["subject"](template.new_context(values)))
    body = template.render(values).strip() + "\n"
    return " ".join(subject.split()), re.sub(r"\n{3,}", "\n\n", body)


def _context(mail_id: str) -> str:
    return f"mail:{mail_id}"


@cache
def _environment(form: str, language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("msidp", "templates/mail"),
        autoescape=form == "html",  # noqa: S701  # plain text is not to be escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(languages.catalogue(language), newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    return environment
