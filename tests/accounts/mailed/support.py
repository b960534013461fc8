"""Members, browsers and the mails they get."""

import re
from typing import Any

import requests
from sqlalchemy import select
from tests.support.forms import Browser, Page

from msidp import db
from msidp.members.models import Member
from msidp.webhooks.models import Event

PASSWORD = "correct horse"
NEW_PASSWORD = "staple battery"
ADA = "ada@example.com"


def sign_up(base_url: str, email: str = ADA, password: str = PASSWORD) -> Browser:
    """A browser in which a member has just signed up."""
    browser = Browser(base_url)
    page = browser.submit(browser.get("/signup").form(), email=email, password=password)
    assert page.path == "/account", page.text
    return browser


def log_in(browser: Browser, email: str = ADA, password: str = PASSWORD) -> Page:
    return browser.submit(browser.get("/login?again").form("/login"), email=email, password=password)


def ask(browser: Browser, path: str, email: str = ADA) -> Page:
    """Ask for a mail on this page."""
    return browser.submit(browser.get(path).form(), email=email)


def inbox(base_url: str, to: str | None = None) -> list[dict[str, Any]]:
    """The mails that are kept, newest first."""
    mails: list[dict[str, Any]] = requests.get(f"{base_url}/dev/inbox", timeout=20).json()["data"]
    return [mail for mail in mails if to is None or mail["to"] == to]


def link_in(mail: dict[str, Any], path: str) -> str:
    """The link to this page that the mail carries, the same in both of its forms."""
    found = re.findall(rf"\S*{re.escape(path)}\?token=[\w-]+", mail["text"])
    assert len(found) == 1, mail["text"]
    assert f'href="{found[0]}"' in mail["html"]
    return str(found[0])


def code_in(mail: dict[str, Any]) -> str:
    found = re.findall(r"^ +(\d{6})$", mail["text"], re.MULTILINE)
    assert len(found) == 1, mail["text"]
    return str(found[0])


def member(email: str = ADA) -> Member:
    with db.reading() as session:
        return session.scalars(select(Member).where(Member.email == email)).one()


def events() -> list[tuple[str, Any]]:
    """Type and reasons of each event, oldest first."""
    with db.reading() as session:
        rows = session.execute(select(Event.type, Event.data).order_by(Event.seq)).all()
    return [(row.type, row.data.get("reason")) for row in rows]
