"""No page and no mail holds a text that cannot be translated.

German stands in for a language in which every text is its English one in brackets. Whoever walks through all
pages then sees no word outside of brackets but what people have written themselves.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response, request, template_rendered
from flask.testing import FlaskClient
from jinja2 import Template
from sqlalchemy import select
from tests.accounts.factors.support import ADA, add_app, begin, code, log_in, sign_up
from tests.accounts.factors.test_passkeys import create
from tests.accounts.mailed.support import code_in, inbox
from tests.oidc.conftest import register
from tests.support.authenticator import Authenticator
from tests.support.forms import VOID, Browser
from tools import messages
from werkzeug.datastructures import MultiDict

from msidp import db, languages
from msidp.mail import letters
from msidp.mail.models import Mail
from msidp.members import connections
from msidp.members import service as members
from msidp.plans import service as plans
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")
OPEN, CLOSE = "⟦", "⟧"
NEW = "countess@example.com"
TAKEN = "byron@example.com"
NEW_PASSWORD = "staple battery horse"
# What is nobody's to translate: names and addresses, days and times, a code's form, how many of how many.
DATA = re.compile(
    r"My community|Shop|shop\.example|Phone|Ada|Gold|\S+@example\.com|XXXX-XXXX|POST"
    r"|\d+\.\s\w+\s\d{4}(,\s\d\d:\d\d\sUTC)?|(\w{4}-){3}\w{4}"
)
WORD = re.compile(r"[^\W\d_]{2,}")
SHOWN = ("alt", "aria-label", "placeholder", "title", "data-known", "data-says")
SILENT = {"script", "style", "code"}
FOR_OPERATORS = {"operator_invited", "operator_notice", "operator_reset", "test", "webhook_disabled"}
TEMPLATES = Path(languages.__file__).parent / "templates"


class Reader(HTMLParser):
    """The words of a page that stand outside of brackets."""

    def __init__(self) -> None:
        super().__init__()
        self.outside = ""
        self._depth = 0
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        for name in SHOWN:
            text = DATA.sub("", attributes.get(name) or "")
            if WORD.search(text) and not (text.startswith(OPEN) and text.endswith(CLOSE)):
                self.outside += f" {name}={text}"
        if tag not in VOID:
            foreign = tag != "html" and "lang" in attributes  # what says that it is in another language
            said = attributes.get("aria-current") or attributes.get("aria-hidden")
            self._open.append((tag, tag in SILENT or foreign or bool(said)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for letter in data if not any(silent for _, silent in self._open) else "":
            self._depth += (letter == OPEN) - (letter == CLOSE)
            self.outside += letter if self._depth == 0 else ""


def left_over(html: str) -> list[str]:
    """The words of a page or a text that stand outside of brackets."""
    page = Reader()
    page.feed(html)
    page.close()
    return WORD.findall(DATA.sub("", page.outside))


@pytest.fixture(autouse=True)
def bracketed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    texts = messages.collect()
    texts.locale = "de"
    for text in texts:
        if text.id:
            text.string = tuple(map(_bracketed, text.id)) if text.pluralizable else _bracketed(text.id)
    file = tmp_path / "de" / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes(messages.compiled(texts))
    monkeypatch.setattr(languages, "DIRECTORY", tmp_path)
    caches = (languages.catalogue, letters._environment)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def _bracketed(text: str) -> str:
    return f"{OPEN}{text}{CLOSE}"


@pytest.fixture
def settings(settings: Settings, bracketed: None) -> Settings:
    return settings.model_copy(update={"base_url": settings.base_url.replace("127.0.0.1", "localhost")})


@pytest.fixture
def seen(app: Flask) -> Iterator[dict[str, list[str]]]:
    """Of each template that is shown, the words that are left over."""
    found: dict[str, list[str]] = {}
    names: list[str] = []

    def note(_: Any, template: Template, **context: Any) -> None:
        names.append(str(template.name))

    def read(response: Response) -> Response:
        shown = response.mimetype == "text/html" and response.status_code // 100 != 3
        if shown and names and not request.path.startswith(("/dashboard", "/dev/")):
            html = response.get_data(as_text=True)
            found.setdefault(names[-1], []).extend(left_over(html))
            if '<html lang="de">' not in html or response.headers.get("Content-Language") != "de":
                found[names[-1]].append("the page does not say that it is German")
        return response

    app.after_request_funcs[None].insert(0, read)  # it comes last
    with template_rendered.connected_to(note, app):
        yield found


@pytest.fixture
def browser(base_url: str) -> Browser:
    return a_browser(base_url)


def a_browser(base_url: str) -> Browser:
    found = Browser(base_url)
    found.session.headers["Accept-Language"] = "de"
    return found


def link_in(mail: dict[str, Any]) -> str:
    """The mail's link; it asks for the mail's language."""
    [found] = re.findall(r"\S+token=\S+", mail["text"])
    assert found.endswith("&ui_locales=de")
    return str(found)


def walk_before_the_log_in(browser: Browser) -> None:
    browser.submit(browser.get("/login?again").form("/login"))
    browser.submit(browser.get("/signup").form(), email="x", password="short", name="x" * 201)
    browser.submit(browser.get("/signup").form(), email=ADA, password="password", name="Ada")
    assert sign_up(browser).path == "/account"
    browser.submit(browser.get("/account/email").form("/verify"))
    browser.submit(browser.get(link_in(inbox(browser.base_url, ADA)[0])).form("/verify-email"))
    browser.submit(browser.get("/logout").form("/logout"))
    log_in(browser, "nobody@example.com")
    browser.submit(browser.get("/forgot-password").form(), email="x")
    browser.submit(browser.get("/forgot-password").form(), email=ADA)
    browser.get("/reset-password?token=none")
    page = browser.get(link_in(inbox(browser.base_url, ADA)[0]))
    browser.submit(page.form("/reset-password"), password="short")
    browser.submit(browser.get("/login/mail").form(), email=ADA)
    mail = inbox(browser.base_url, ADA)[0]
    browser.submit(browser.get("/login/code").form(), code="")
    browser.submit(browser.get("/login/code").form(), code="x")
    browser.get(link_in(mail))
    browser.submit(browser.get("/login/code").form(), code=code_in(mail))


def walk_through_the_account(browser: Browser) -> None:
    page = browser.get("/account/profile")
    browser.submit(page.form(), birthdate="x", website="x", zoneinfo="x", phone_number="x", name="x" * 201)
    browser.submit(browser.get("/account/profile").form(), name="Ada")
    browser.submit(browser.get("/account/delete").form(), email="x")
    browser.submit(browser.get("/account/password").form(), new_password="short")
    browser.get("/account/sessions")
    browser.get("/account/email")
    browser.submit(browser.get("/account/email").form("/account/email"), email=ADA)
    other = a_browser(browser.base_url)
    sign_up(other, TAKEN)
    browser.submit(browser.get("/account/email").form("/account/email"), email=TAKEN)
    assert other.submit(other.get("/account/delete").form(), email=TAKEN).path == "/logout"
    browser.submit(browser.get("/account/email").form("/account/email"), email=NEW)
    browser.submit(browser.get(link_in(inbox(browser.base_url, NEW)[0])).form("/change-email"))
    [keep, *_] = (mail for mail in inbox(browser.base_url, ADA) if "keep-email" in mail["text"])
    page = browser.submit(browser.get(link_in(keep)).form("/keep-email"))
    assert page.path == "/reset-password"
    page = browser.submit(page.form("/reset-password"), password=NEW_PASSWORD)
    assert page.path == "/account", page.text
    browser.submit(browser.get("/account/photo").form("/account/photo"))
    for path in ("/account/activity", "/account/email", "/no-such-page", "/account/sessions/x/end"):
        browser.get(path)


def walk_to_a_new_account(browser: Browser, app: Flask) -> None:
    """With the proof first; the first link is for somebody who has an account."""
    app.extensions["msidp_settings"] = app.extensions["msidp_settings"].model_copy(
        update={"sign_up_proof": True}
    )
    other = a_browser(browser.base_url)
    for email in (ADA, "lord@example.com"):
        sign_up(other, email)
    browser.get(link_in(inbox(browser.base_url, "lord@example.com")[0]))


def walk_through_the_factors(browser: Browser) -> None:
    browser.get("/account/passkeys")
    create(browser, Authenticator(browser.base_url), name="")
    create(browser, Authenticator(browser.base_url))
    browser.get("/account/two-factor")
    page, _ = begin(browser)
    browser.submit(page.form("/set-up"), code="000000")
    secret, _ = add_app(browser)
    browser.get("/account/two-factor")
    browser.submit(browser.get("/login?again").form("/login"), email=ADA, password=NEW_PASSWORD)
    browser.submit(browser.get("/login/verify").form("/login/verify"), code="")
    browser.get("/login/verify?with=recovery-code")
    browser.submit(browser.get("/login/verify").form("/login/verify"), code=code(secret))


def walk_through_the_provider(browser: Browser, admin: FlaskClient, client: FlaskClient) -> None:
    links = {"policyUri": "https://shop.example/p", "tosUri": "https://shop.example/t"}
    shop = register(admin, client, name="Shop", skipConsent=False, **links)

    def authorize(**changes: Any) -> str:
        return "/authorize?" + "&".join(f"{k}={v}" for k, v in MultiDict(shop.parameters(**changes)).items())

    fine = {"state": "s", "scope": "openid+profile+email+address+phone"}
    browser.get(authorize(**fine | {"redirect_uri": "https://evil.example/"}))
    browser.get(authorize(**fine | {"prompt": "select_account"}))
    page = browser.get(authorize(**fine))
    assert browser.submit(page.form("/consent"), button="allow").redirect
    browser.get(authorize(**fine, response_mode="form_post"))
    browser.get("/account/applications")
    tv = register(
        admin, client, name="Shop", type="native", redirectUris=[], skipConsent=False,
        grantTypes=["urn:ietf:params:oauth:grant-type:device_code"],
    )  # fmt: skip
    form = {"client_id": tv.client_id, "scope": "openid email"}
    begun = tv.backend.post("/device_authorization", data=form).json
    browser.submit(browser.get("/device").form(), user_code="BBBB-BBBB")
    page = browser.get(f"/device?user_code={begun['user_code']}")
    browser.submit(page.form("/confirm"), button="allow")
    browser.submit(browser.get("/end-session").form("/confirm"))


def ask_from_a_site(base_url: str, admin: FlaskClient) -> None:
    """What is mailed to who types it into the form of a site."""
    headers = {
        "X-API-Key": admin.get("/community").json["data"]["publicKey"],
        "Accept-Language": "de",
    }
    for path in ("passwordless/login/send", "passwordless/signup/send", "send-reset-password-email"):
        email = "lady@example.com" if "signup" in path else ADA
        asked = requests.post(f"{base_url}/auth/{path}", json={"email": email}, headers=headers, timeout=20)
        assert asked.ok, asked.text


def give_a_plan(community_id: str) -> None:
    with db.transaction() as session:
        member = members.find_by_email(session, community_id, ADA)
        assert member is not None
        connections.join(session, member, [plans.create_plan(session, community_id, name="Gold").id])


def test_every_text_of_every_page_and_mail_can_be_translated(
    app: Flask, browser: Browser, admin: FlaskClient, community_id: str, seen: dict[str, list[str]]
) -> None:
    walk_before_the_log_in(browser)
    give_a_plan(community_id)
    walk_through_the_account(browser)
    walk_through_the_factors(browser)
    walk_through_the_provider(browser, admin, app.test_client())
    walk_to_a_new_account(browser, app)
    ask_from_a_site(browser.base_url, admin)
    assert {name: words for name, words in seen.items() if words} == {}
    folders = ("accounts", "oidc")
    pages = {str(file.relative_to(TEMPLATES)) for name in folders for file in (TEMPLATES / name).iterdir()}
    assert pages - {"accounts/_macros.html"} <= seen.keys()
    with db.reading() as session:
        written = set(session.scalars(select(Mail.template)))
    mails = {file.name.removesuffix(".jinja") for file in (TEMPLATES / "mail").glob("*.jinja")}
    assert mails - written == {
        "layout.html",
        "layout.text",
        "parts.html",
        "parts.text",
        "own",
        *FOR_OPERATORS,
    }
    for mail in inbox(browser.base_url):
        for text in (mail["subject"], mail["text"], mail["html"]):
            assert left_over(re.sub(r"https?://\S+", "", text)) == [], text
        assert '<html lang="de">' in mail["html"]
