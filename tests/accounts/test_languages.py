"""Which language a page and a mail has, and who is asked first."""

import re

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser as Chromium
from sqlalchemy import select
from tests.accounts.mailed.support import ADA, ask, inbox, member, sign_up
from tests.support.browser import accessibility_problems, overflow, picture, tab
from tests.support.forms import Browser, Page

from msidp import db
from msidp.branding import current
from msidp.communities import service as communities
from msidp.members import service as members
from msidp.negotiation import PARAMETER
from msidp.webhooks.models import Event

pytestmark = pytest.mark.database("sqlite")
LOGIN = {"en": "Sign in", "de": "Anmelden", "fr": "Se connecter", "es": "Iniciar sesión"}
HOSTILE = ["", "*", "-", "xx", "x-klingon", "de" * 400, "\0", "\ud800", "../../etc/passwd", "<script>"]
WIDE = ["account", "account/profile", "account/two-factor", "account/delete", "login?again", "logout"]


def say(browser: Browser, tags: str) -> None:
    browser.session.headers["Accept-Language"] = tags


def language_of(page: Page) -> str:
    """The language of a page, which says so in each of its three ways."""
    [found] = re.findall(r'<html lang="([^"]*)">', page.html)
    assert page.headers["Content-Language"] == found
    assert {"Accept-Language", "Cookie"} <= {name.strip() for name in page.headers["Vary"].split(",")}
    return str(found)


def press(browser: Browser, page: Page, language: str) -> Page:
    """Choose this language in the page's footer."""
    [footer] = re.findall(r"<footer>(.*)</footer>", page.html, re.DOTALL)
    assert f'value="{language}"' in footer
    [back] = re.findall(r'name="return_to" value="([^"]*)"', footer)
    form = {"language": language, "return_to": back.replace("&amp;", "&")}
    return browser._walk("POST", f"{browser.base_url}/language", form)


def keep(email: str, **profile: str) -> None:
    """Write claims of a member's."""
    found = member(email)
    with db.transaction() as session:
        members.update_member(session, found.community_id, found.id, {"profile": profile})


def speak(language: str) -> None:
    with db.transaction() as session:
        communities.speak(session, communities.ensure_default(session).id, language)
    current.forget()


# Pages


def test_the_browser_is_heard(base_url: str) -> None:
    for tags, expected in (
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("xx, fr;q=0.3, es;q=0.7", "es"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("ja", "en"),
        *((tag.encode("ascii", "replace").decode().replace("\0", ""), "en") for tag in HOSTILE[:5]),
    ):
        browser = Browser(base_url)
        say(browser, tags)
        page = browser.get("/login")
        assert (language_of(page), page.title.split(" –")[0]) == (expected, LOGIN[expected]), tags
        assert language_of(browser.get("/no-such-page")) == expected


def test_the_community_speaks_where_nobody_asks(app: Flask, base_url: str) -> None:
    speak("es")
    assert language_of(Browser(base_url).get("/login")) == "es"
    browser = Browser(base_url)
    say(browser, "fr")
    assert language_of(browser.get("/login")) == "fr"


def test_a_choice_is_remembered_and_loses_nothing(base_url: str) -> None:
    browser = Browser(base_url)
    say(browser, "fr")
    page = press(browser, browser.get("/login?next=/account/email&login_hint=a%2Bb@example.com"), "de")
    assert (page.path, language_of(page)) == ("/login", "de")
    assert page.form().values["email"] == "a+b@example.com"
    assert page.form().values["next"] == "/account/email"
    assert language_of(browser.get("/signup")) == "de"
    assert "Geben Sie Ihr Passwort ein." in browser.submit(browser.get("/login").form("/login")).text
    [cookie] = [cookie for cookie in browser.session.cookies if cookie.name == "msidp_language"]
    assert cookie.has_nonstandard_attr("HttpOnly")
    for broken in ("xx.1", "de", "de.", "de.x", "de.99999999999999999999", "\xe9"):
        headers = {"Cookie": f"msidp_language={broken}", "Accept-Language": "fr"}
        answer = requests.get(f"{base_url}/login", headers=headers, timeout=20)
        assert (answer.status_code, answer.headers["Content-Language"]) == (200, "fr"), broken


def test_a_choice_leads_nowhere_else_and_is_made_here(base_url: str) -> None:
    browser = Browser(base_url)
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "", "\0"):
        page = browser._walk("POST", f"{base_url}/language", {"language": "de", "return_to": target})
        assert page.redirect is None
        assert page.path == "/login"
    assert browser._walk("POST", f"{base_url}/language", {"language": "xx"}).status == 404
    other = requests.post(
        f"{base_url}/language", data={"language": "fr"}, headers={"Sec-Fetch-Site": "cross-site"}, timeout=20
    )
    assert (other.status_code, other.cookies) == (400, {})


def test_what_an_address_asks_for_stays_on_the_way(base_url: str) -> None:
    browser = Browser(base_url)
    say(browser, "fr")
    page = browser.get(f"/login?{PARAMETER}=xx%20de-AT%20es")
    assert language_of(page) == "de"
    page = browser.submit(page.form("/login"), email="x", password="y")
    assert (page.status, language_of(page)) == (401, "de")
    for path in re.findall(r'class="aside">.*?href="([^"]*)"', page.html):
        assert language_of(browser.get(path.replace("&amp;", "&"))) == "de"
    page = press(browser, browser.get(f"/signup?{PARAMETER}=de"), "es")
    assert language_of(page) == "es"
    for tag in HOSTILE:
        sent = {PARAMETER: tag.encode("utf-8", "replace")}
        answer = requests.get(f"{base_url}/login", params=sent, headers={"Accept-Language": "es"}, timeout=20)
        assert (answer.status_code, answer.headers["Content-Language"]) == (200, "es"), tag


def test_the_member_s_own_language_comes_first_and_is_an_event(app: Flask, base_url: str) -> None:
    browser = sign_up(base_url)
    say(browser, "fr")
    page = browser.submit(browser.get("/account/profile").form(), locale="de")
    assert (page.path, language_of(page)) == ("/account", "de")
    assert "Ihr Profil ist gespeichert." in page.text
    assert browser.get("/account/profile").form().values["locale"] == "de"
    page = press(browser, page, "es")
    assert language_of(page) == "es"
    assert member().profile["locale"] == "es"
    press(browser, browser.get("/account"), "de")
    with db.reading() as session:
        events = session.scalars(select(Event).order_by(Event.seq)).all()
    assert [event.type for event in events] == ["member.created"] + ["member.updated"] * 3
    browser.submit(browser.get("/logout").form("/logout"))
    assert language_of(browser.get("/login")) == "de"


def test_another_language_that_somebody_else_wrote_is_left_alone(app: Flask, base_url: str) -> None:
    browser = sign_up(base_url)
    keep(ADA, locale="pt-BR", zoneinfo="Europe/Lisbon")
    assert language_of(browser.get("/account")) == "en"
    page = browser.submit(browser.get("/account/profile").form(), nickname="Countess")
    assert page.path == "/account", page.text
    assert member().profile["locale"] == "pt-BR"
    page = browser.submit(browser.get("/account/profile").form(), locale="<b>")
    assert page.status == 422


def test_errors_for_developers_are_english_as_a_whole(client: FlaskClient) -> None:
    headers = {"Accept": "text/html", "Accept-Language": "de"}
    page = client.get("/members", headers=headers)
    assert (page.status_code, page.headers["Content-Language"]) == (401, "en")
    assert "Please sign in" in page.text
    api = client.get("/no-such-page", headers={"Accept": "application/json", "Accept-Language": "de"})
    assert api.json["message"] == "There is nothing at this address."
    assert "Content-Language" not in api.headers


# Mails


def test_a_mail_is_in_the_member_s_language_else_the_page_s(app: Flask, base_url: str) -> None:
    sign_up(base_url)
    browser = Browser(base_url)
    say(browser, "fr")
    ask(browser, "/forgot-password")
    mail = inbox(base_url, ADA)[0]
    assert mail["subject"] == "Choisir un nouveau mot de passe"
    assert '<html lang="fr">' in mail["html"]
    keep(ADA, locale="de-AT", zoneinfo="Europe/Vienna")
    ask(browser, "/forgot-password")
    mail = inbox(base_url, ADA)[0]
    assert mail["subject"] == "Neues Passwort wählen"
    [link] = re.findall(r"\S+/reset-password\S+", mail["text"])
    assert f'href="{link.replace("&", "&amp;")}"' in mail["html"]
    page = browser.get(link)
    assert language_of(page) == "de"
    browser.submit(page.form("/reset-password"), password="staple battery horse")
    notice = inbox(base_url, ADA)[0]
    assert notice["subject"] == "Ihr Passwort wurde geändert"
    assert re.search(r"\d+\. \w+ \d{4}, \d\d:\d\d\s(MEZ|MESZ)\.", notice["text"])
    assert "Ein unbekanntes Gerät" in notice["text"]


def test_without_a_page_a_mail_is_in_the_community_s_language(
    app: Flask, admin: FlaskClient, base_url: str
) -> None:
    from tests.accounts.factors.support import add_app

    browser = sign_up(base_url)
    add_app(browser)
    speak("es")
    path = f"/members/{member().id}/factors/authenticator-app"
    assert admin.delete(path, headers={"Accept-Language": "de"}).status_code == 200
    assert inbox(base_url, ADA)[0]["subject"].startswith("Se ha desactivado")


# In a browser


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_longest_words_fit_and_axe_finds_nothing(browser: Chromium, base_url: str, scripts: bool) -> None:
    small = {"width": 320, "height": 720}
    with tab(browser, base_url, java_script_enabled=scripts, viewport=small, locale="en-GB") as page:
        page.goto("/signup")
        page.get_by_role("button", name="Deutsch").click()
        page.get_by_label("E-Mail-Adresse").fill(ADA)
        page.get_by_label("Passwort").fill("correct horse")
        page.get_by_role("button", name="Konto anlegen").click()
        page.wait_for_url("**/account")
        if not scripts:
            return
        for path in WIDE:
            page.goto(f"/{path}")
            picture(page, f"german-{path.translate({47: '-', 63: '-'})}")
            assert page.locator("html").get_attribute("lang") == "de"
            assert accessibility_problems(page) == [], path
            assert overflow(page) <= 0, path
