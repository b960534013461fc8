"""The language of members' pages and mails: asked for by an application, kept by the member, chosen here.

`ui_locales` (OpenID Connect Core 1.0, section 3.1.2.1) is understood by every hosted page and stays on the
way from one to the next. A choice on a page stands above what an application has asked for before it, and
below what one asks for later; a member who is logged in keeps the choice as the standard claim `locale`.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import g, request

from msidp import clock, languages, negotiation
from msidp.accounts.browser import current_login, read_cookie, send_cookie
from msidp.accounts.continuation import Continuation, local_path, resolve
from msidp.members.models import Member
from msidp.negotiation import PARAMETER, asked_here

COOKIE = "language"
LIFETIME = 365 * clock.DAY


@dataclass(frozen=True, slots=True)
class Choice:
    """A language, and when it was chosen (milliseconds)."""

    language: str
    at: int


def asked() -> str | None:
    """What this page's address or form asks for, or the application that waits behind it."""
    if found := asked_here():
        return found
    next_ = local_path(request.values.get("next"))
    if found := _in_query(next_ or ""):
        return found
    ahead = g.get("waiting_for") or resolve(next_)
    if ahead is None or ahead.language is None:
        return None
    choice = _choice()
    return None if choice and choice.at > ahead.since else ahead.language


def kept() -> str | None:
    """What the member who is logged in has among their claims."""
    login = current_login()
    return languages.best([login.locale]) if login and login.locale else None


def wait_for(ahead: Continuation | None) -> None:
    """Let what waits behind this page itself, not behind its `next`, tell its language."""
    g.waiting_for = ahead


def chosen() -> str | None:
    """What was chosen in this browser."""
    choice = _choice()
    return choice.language if choice else None


def choose(language: str) -> None:
    """Have this browser remember a language."""
    send_cookie(COOKIE, f"{language}.{clock.now()}", LIFETIME)


def of(member: Member | None) -> str:
    """The language to write to somebody in: the member's own, else that of this request."""
    return of_profile(member) or negotiation.language()


def of_profile(member: Member | None) -> str | None:
    """The language that a member has among their claims."""
    locale = member.profile.get("locale") if member else None
    return languages.best([locale]) if isinstance(locale, str) else None


def readdress(path: str, language: str) -> str:
    """A path on this site, asking for this language where it asks for one."""
    parts = urlsplit(path)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if PARAMETER not in dict(pairs):
        return path
    changed = [(name, language if name == PARAMETER else value) for name, value in pairs]
    return f"{parts.path}?{urlencode(changed, errors='replace')}"


def _in_query(path: str) -> str | None:
    return languages.best(dict(parse_qsl(urlsplit(path).query)).get(PARAMETER, "").split(" "))


def _choice() -> Choice | None:
    name, _, moment = (read_cookie(COOKIE) or "").partition(".")
    if name not in languages.NAMES or not (moment.isascii() and moment.isdigit()) or len(moment) > 15:
        return None
    return Choice(name, int(moment))
