"""What a mail says: one template a mail, rendered twice, as plain text and as HTML.

A template fills the blocks `subject` and `content`, the latter with `parts.paragraph(…)`, `parts.button(…)`
and `parts.code(…)`; which `parts` it gets decides what comes out. `link(path)` makes the address of a page
of this site, `community` is the name of who writes, and `moment(…)` shows a moment.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from msidp import clock
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


def write(template: str, community: str, base_url: str, context: Mapping[str, Any]) -> Letter:
    """The letter that this template makes of its context. `community` is who it comes from."""
    values = {**context, "community": community, "link": base_url.__add__, "moment": _moment}
    text, html = (_render(form, template, values) for form in FORMS)
    return Letter(community, text[0], text[1], html[1])


def _render(form: str, name: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """The subject on one line, and the body."""
    environment = _environment(form)
    template = environment.get_template(f"{name}.jinja")
    parts = environment.get_template(f"parts.{form}.jinja").module
    values = {**context, "parts": parts, "layout": f"layout.{form}.jinja"}
    subject = "".join(template.blocks["subject"](template.new_context(values)))
    body = template.render(values).strip() + "\n"
    return " ".join(subject.split()), re.sub(r"\n{3,}", "\n\n", body)


def _moment(moment: int) -> str:
    """A moment for people: `22 November 2026, 06:40 UTC`."""
    return f"{datetime.fromtimestamp(clock.seconds(moment), UTC):%-d %B %Y, %H:%M} UTC"


def _context(mail_id: str) -> str:
    return f"mail:{mail_id}"


@cache
def _environment(form: str) -> Environment:
    return Environment(
        loader=PackageLoader("msidp", "templates/mail"),
        autoescape=form == "html",  # noqa: S701  # plain text is not to be escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
