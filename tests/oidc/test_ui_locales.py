"""`ui_locales` from the authorization request to its answer, at the device page and at log-out."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, log_in, new_member, register
from werkzeug.test import TestResponse

from msidp import db
from msidp.accounts import language
from msidp.members import service as members
from msidp.members.models import Member
from msidp.negotiation import PARAMETER
from msidp.oidc.authorize import sealed

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def asking(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """An application that asks for consent. Its browser is French, and nobody is logged in."""
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    with db.transaction() as session:
        members.update_member(session, member.community_id, member.id, {"profile": {"locale": None}})
    return register(admin, browser, skipConsent=False)


def language_of(page: TestResponse) -> str:
    assert page.status_code in (200, 400, 401, 422), (page.status_code, page.headers.get("Location"))
    [found] = re.findall(r'<html lang="([^"]*)">', page.text)
    return str(found)


def follow(browser: FlaskClient, answer: TestResponse) -> TestResponse:
    while answer.status_code == 303:
        answer = browser.get(answer.headers["Location"])
    return answer


def fields(page: TestResponse, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes there."""
    [form] = re.findall(rf'<form method="post" action="{action}".*?</form>', page.text, re.DOTALL)
    return {name: unescape(value) for name, value in re.findall(r'name="([^"]*)" value="([^"]*)"', form)}


def choose(browser: FlaskClient, page: TestResponse, wanted: str) -> TestResponse:
    """Choose a language in the page's footer."""
    form = fields(page, "/language") | {"language": wanted}
    return follow(browser, browser.post("/language", data=form))


@pytest.mark.parametrize("way", ["get", "post", "pushed"])
def test_it_lasts_from_the_request_to_the_answer(asking: Relying, way: str, member: Member) -> None:
    browser, wanted = asking.browser, {PARAMETER: "x-klingon de-AT es"}
    if way == "pushed":
        answer = asking.bring(asking.push(**wanted).json["request_uri"])
    elif way == "post":
        answer = browser.post("/authorize", data=asking.parameters(**wanted))
    else:
        answer = asking.authorize(**wanted)
    page = follow(browser, answer)
    assert "um zu <strong>Shop</strong> zu gelangen" in page.text
    assert language_of(page) == "de"
    form = fields(page, "/login")
    page = browser.post("/login", data=form | {"email": "ada@example.com", "password": "wrong"})
    assert (page.status_code, language_of(page)) == (401, "de")
    for path in re.findall(r'href="(/(?:signup|forgot-password|login/mail)[^"]*)"', page.text):
        assert language_of(browser.get(unescape(path))) == "de", path
    log_in(browser, member)
    page = browser.get(form["next"])
    assert "Ihre E-Mail-Adresse sehen" in page.text
    assert language_of(page) == "de"


@pytest.mark.parametrize("tags", ["", "xx", "de" * 300, "*", "é \x7f <b>", "- - -", "en-" * 20])
def test_what_nobody_can_read_is_passed_over(asking: Relying, tags: str) -> None:
    page = follow(asking.browser, asking.authorize(**{PARAMETER: tags}))
    assert (page.status_code, language_of(page)) == (200, "fr")


def test_only_the_language_is_kept_of_it(asking: Relying) -> None:
    answer = asking.authorize(**{PARAMETER: "es-MX"})
    [path] = parse_qs(urlsplit(answer.headers["Location"]).query)["next"]
    [token] = parse_qs(urlsplit(path).query)["request"]
    waiting = sealed.unseal(token)
    assert waiting is not None
    assert waiting.request.as_json()["language"] == "es"


def test_a_choice_on_the_page_stands_above_what_was_asked_before(asking: Relying, member: Member) -> None:
    browser = asking.browser
    page = follow(browser, asking.authorize(**{PARAMETER: "de"}))
    page = choose(browser, page, "es")
    assert language_of(page) == "es"
    assert fields(page, "/login")["next"].startswith("/authorize/continue")
    assert "para continuar a <strong>Shop</strong>" in page.text
    later = asking.authorize(**{PARAMETER: "de"})
    assert language_of(follow(browser, later)) == "de"  # it asks anew


def test_the_member_s_language_comes_after_it_and_is_chosen_on_the_consent_page(
    asking: Relying, member: Member
) -> None:
    browser = asking.browser
    log_in(browser, member)
    with db.transaction() as session:
        members.update_member(session, member.community_id, member.id, {"profile": {"locale": "es-MX"}})
    assert language_of(asking.authorize()) == "es"
    page = asking.authorize(**{PARAMETER: "de"})
    assert language_of(page) == "de"
    page = choose(browser, page, "fr")
    assert language_of(page) == "fr"
    assert fields(page, "/authorize/consent")["request"]
    with db.reading() as session:
        found = members.find(session, member.community_id, member.id)
    assert language.of_profile(found) == "fr"


def test_errors_on_a_page_speak_it_too(asking: Relying) -> None:
    page = asking.authorize(redirect_uri="https://evil.example/", **{PARAMETER: "de"})
    assert language_of(page) == "de"
    assert "Diese Anmeldung kann nicht weitergehen" in page.text
    assert '<div lang="en">' in page.text  # for the developer
    error = asking.authorize(scope="nothing", **{PARAMETER: "de"})
    assert "error_description=The%20scope%20must%20hold%20openid." in error.headers["Location"]


def test_a_mailed_link_leads_on_in_the_language_that_was_asked_for(asking: Relying, member: Member) -> None:
    browser = asking.browser
    page = follow(browser, asking.authorize(**{PARAMETER: "de"}))
    page = browser.get(unescape(re.findall(r'href="(/login/mail[^"]*)"', page.text)[0]))
    page = follow(
        browser, browser.post("/login/mail", data=fields(page, "/login/mail") | {"email": member.email})
    )
    assert language_of(page) == "de"
    assert "Code aus der E-Mail" in page.text
    [mail] = [mail for mail in browser.get("/dev/inbox").json["data"] if mail["to"] == member.email]
    assert mail["subject"] == "Ihr Anmeldecode"
    [link] = re.findall(r"\S+/login/link\S+", mail["text"])
    assert language_of(browser.get(link)) == "de"


def test_at_the_device_page(admin: FlaskClient, browser: FlaskClient, member: Member) -> None:
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    page = browser.get("/device", query_string={PARAMETER: "es"})
    assert language_of(page) == "es"
    assert f'name="{PARAMETER}" value="es"' in page.text
    page = follow(browser, browser.get("/device", query_string={PARAMETER: "es", "user_code": "BBBB-BBBB"}))
    assert language_of(page) == "es"
    log_in(browser, new_member(member.community_id, "bob@example.com"))
    assert language_of(browser.get(fields(page, "/login")["next"])) == "es"


def test_at_the_log_out(shop: Relying) -> None:
    page = shop.browser.get("/end-session", query_string={PARAMETER: "de", "client_id": shop.client_id})
    assert language_of(page) == "de"
    assert "möchte Sie abmelden" in page.text
    form = fields(page, "/end-session/confirm")
    assert language_of(shop.browser.post("/end-session/confirm", data=form)) == "de"


def test_discovery_lists_the_languages(client: FlaskClient) -> None:
    found = client.get("/.well-known/openid-configuration").json
    assert found["ui_locales_supported"] == ["en", "de", "fr", "es"]


def test_what_shows_no_page_asks_for_no_language(shop: Relying, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise AssertionError("the language was asked for")

    monkeypatch.setattr("msidp.negotiation._find", fail)
    tokens = shop.tokens()
    assert shop.userinfo(tokens["access_token"]).status_code == 200
    assert shop.backend.get("/jwks").status_code == 200
