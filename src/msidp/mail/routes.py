"""GET /dev/inbox: the mails an instance without SMTP keeps, as JSON, and as a page for a person.

Whoever reads them can sign in as anybody. So they are for somebody at this machine, on an instance that is
served to this machine alone; everybody else needs a secret key of the Admin API, which shows an operator's
invitation where it is an owner's: no other key makes its holder an owner.
"""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, render_template, request

from msidp import clock, languages, negotiation
from msidp.communities.guard import caller, default_community_id, require_secret_key
from msidp.communities.roles import allows
from msidp.db import reading
from msidp.error_answers import wants_html
from msidp.errors import NotFound
from msidp.mail import inbox
from msidp.settings import Settings

bp = Blueprint("mail", __name__)
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


@bp.get("/dev/inbox")
def development_inbox() -> dict[str, Any] | str:
    if _settings().smtp_url is not None:
        raise NotFound("not-found", "Mails are sent by MSIDP_SMTP_URL; none are kept.")
    owners = _is_at_this_machine()
    if not owners:
        require_secret_key()
        owners = allows(caller().role, "owner")
    with reading() as session:
        kept = inbox.newest(session, default_community_id(), owners=owners)
    if wants_html():
        negotiation.speak(languages.SOURCE)
        return render_template("mail/inbox.html", mails=kept, iso=clock.iso)
    return {"data": [_view(mail) for mail in kept]}


def _view(mail: inbox.Kept) -> dict[str, Any]:
    return {
        "id": mail.id,
        "to": mail.to,
        "subject": mail.letter.subject,
        "text": mail.letter.text,
        "html": mail.letter.html,
        "createdAt": clock.iso(mail.created_at),
    }


def _is_at_this_machine() -> bool:
    """Whether the caller, the address they called and the issuer are all this machine, with no proxy between.

    The address they called, too: a page elsewhere can have its own name resolve to this machine.
    """
    hosts = (
        request.remote_addr,
        urlsplit(f"//{request.host}").hostname,
        urlsplit(_settings().base_url).hostname,
    )
    return all(map(_is_loopback, hosts)) and not any(name in request.headers for name in _FORWARDED)


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _settings() -> Settings:
    settings: Settings = current_app.extensions["msidp_settings"]
    return settings
