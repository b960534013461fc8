"""Logging in and consenting: what a request asks of the member, and what satisfies it."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, id_claims, log_in, new_member, register, sent_to
from werkzeug.test import TestResponse

from msidp import clock
from msidp.accounts.continuation import Continuation
from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc.authorize.routes import continuation

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now() / clock.SECOND, tick=False) as traveller:
        yield traveller


def next_of(answer: TestResponse, page: str = "/login") -> str:
    """Where the log-in page leads on to."""
    assert answer.status_code == 303, (answer.status_code, answer.text)
    parts = urlsplit(answer.headers["Location"])
    assert parts.path == page
    return parse_qs(parts.query)["next"][0]


def error_of(relying: Relying, answer: TestResponse) -> str:
    return sent_to(answer, relying.redirect_uri)["error"]


def after_login(relying: Relying, answer: TestResponse, member: Member, time: time_machine.Traveller) -> str:
    """Log in at the page that the answer leads to. Returns the code."""
    path = next_of(answer)
    time.shift(5)
    log_in(relying.browser, member)
    return sent_to(relying.browser.get(path), relying.redirect_uri)["code"]


def auth_time(relying: Relying, code: str) -> int:
    return id_claims(relying.exchange(code).json["id_token"])["auth_time"]


@pytest.fixture
def unknown(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """An application in front of a browser where nobody is logged in."""
    return register(admin, browser)


def test_without_a_session_the_member_logs_in(
    unknown: Relying, member: Member, time: time_machine.Traveller
) -> None:
    answer = unknown.authorize(login_hint="ada@example.com")
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["login_hint"] == ["ada@example.com"]
    path = next_of(answer)
    going_on = continuation(path)
    assert going_on is not None
    assert going_on == Continuation("Shop", since=going_on.since)
    assert 0 <= clock.now() - going_on.since < clock.MINUTE
    assert next_of(unknown.browser.get(path)) == path  # still nobody: asked again
    assert after_login(unknown, answer, member, time)


def test_paths_that_are_not_ours_are_left_alone(unknown: Relying) -> None:
    for path in ("/account", "/authorize/continue", "/authorize/continue?request=x", "/x?request=y"):
        assert continuation(path) is None


def test_prompt_none(unknown: Relying, member: Member) -> None:
    assert error_of(unknown, unknown.authorize(prompt="none")) == "login_required"
    log_in(unknown.browser, member)
    assert unknown.code(prompt="none")


def test_prompt_create_leads_to_the_sign_up_page(unknown: Relying) -> None:
    assert next_of(unknown.authorize(prompt="create"), "/signup")


def test_prompt_login_wants_a_new_login(shop: Relying, member: Member, time: time_machine.Traveller) -> None:
    for prompt in ("login", "login consent", "login select_account"):
        time.shift(10)
        answer = shop.authorize(prompt=prompt)
        assert next_of(shop.browser.get(next_of(answer))) == next_of(answer)  # the old session is not enough
        code = after_login(shop, answer, member, time)
        assert auth_time(shop, code) == clock.seconds(clock.now())


def test_max_age(shop: Relying, member: Member, time: time_machine.Traveller) -> None:
    log_in(shop.browser, member)
    first = auth_time(shop, shop.code())
    assert first == clock.seconds(clock.now())
    time.shift(100)
    assert auth_time(shop, shop.code(max_age="100")) == first
    answer = shop.authorize(max_age="99")
    assert error_of(shop, shop.authorize(max_age="99", prompt="none")) == "login_required"
    assert auth_time(shop, after_login(shop, answer, member, time)) == first + 105
    assert auth_time(shop, shop.code(max_age="10000")) == first + 105
    log_in(shop.browser, member)
    answer = shop.authorize(max_age="0")  # no log-in is young enough but one made for this request
    assert error_of(shop, shop.authorize(max_age="0", prompt="none")) == "login_required"
    assert after_login(shop, answer, member, time)


def test_id_token_hint(shop: Relying, community_id: str, time: time_machine.Traveller) -> None:
    hint = shop.tokens()["id_token"]
    time.shift(3 * 3600)  # long expired
    assert shop.code(id_token_hint=hint, prompt="none")
    other = new_member(community_id, "eve@example.com")
    log_in(shop.browser, other)
    assert error_of(shop, shop.authorize(id_token_hint=hint, prompt="none")) == "login_required"
    path = next_of(shop.authorize(id_token_hint=hint))
    time.shift(5)
    log_in(shop.browser, other)
    assert error_of(shop, shop.browser.get(path)) == "login_required"


def test_the_claims_parameter_may_name_the_member(shop: Relying, member: Member) -> None:
    for subject, expected in ((member.id, "code"), ("mem_other", "error")):
        claims = f'{{"id_token": {{"sub": {{"value": "{subject}"}}}}}}'
        assert expected in sent_to(shop.authorize(claims=claims, prompt="none"), shop.redirect_uri)


def consent_form(page: TestResponse) -> dict[str, str]:
    """The hidden fields of the consent page."""
    assert page.status_code == 200, (page.status_code, page.headers)
    fields = {}
    for part in page.text.partition("</form>")[0].split("<input")[1:]:  # the second form is of the languages
        fields[part.split('name="')[1].split('"')[0]] = part.split('value="')[1].split('"')[0]
    assert set(fields) == {"csrf_token", "request"}
    return fields


@pytest.fixture
def asking(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """An application that asks for consent; the member is logged in."""
    log_in(browser, member)
    return register(admin, browser, skipConsent=False, name='Shop <b>&"')


def test_consent_is_asked_once_and_remembered(asking: Relying) -> None:
    assert error_of(asking, asking.authorize(prompt="none")) == "consent_required"
    page = asking.authorize()
    assert "Shop &lt;b&gt;&amp;&#34;" in page.text
    assert "<b>" not in page.text
    assert "See your email address" in page.text
    assert "postal" not in page.text
    assert "form-action" not in page.headers["Content-Security-Policy"]  # the application may lead on
    form = consent_form(page)
    answer = asking.browser.post("/authorize/consent", data={**form, "decision": "allow"})
    assert answer.status_code == 303
    assert asking.exchange(sent_to(answer, asking.redirect_uri)["code"]).status_code == 200
    assert asking.code(prompt="none")
    assert asking.code(scope="openid")
    assert error_of(asking, asking.authorize(prompt="none", scope="openid phone")) == "consent_required"
    assert consent_form(asking.authorize(prompt="consent"))


def test_claims_asked_for_by_name_count_as_their_scopes(asking: Relying) -> None:
    """Whatever way a claim is asked for: the page says it, what was allowed covers it, and is remembered."""
    allow = consent_form(asking.authorize(scope="openid"))
    asking.browser.post("/authorize/consent", data={**allow, "decision": "allow"})
    for place, name, words in (
        ("userinfo", "phone_number", "See your phone number"),
        ("id_token", "email", "See your email address"),
    ):
        claims = json.dumps({place: {name: None}})
        silent = asking.authorize(prompt="none", scope="openid", claims=claims)
        assert error_of(asking, silent) == "consent_required"
        page = asking.authorize(scope="openid", claims=claims)
        assert words in page.text
        asking.browser.post("/authorize/consent", data={**consent_form(page), "decision": "allow"})
        assert asking.code(prompt="none", scope="openid", claims=claims)
    assert asking.code(prompt="none", scope="openid phone email")
    assert error_of(asking, asking.authorize(prompt="none", scope="openid profile")) == "consent_required"


@pytest.mark.database("sqlite", "postgresql")
def test_later_scopes_are_added(asking: Relying) -> None:
    for scope in ("openid", "openid phone"):
        form = consent_form(asking.authorize(scope=scope))
        asking.browser.post("/authorize/consent", data={**form, "decision": "allow"})
    assert asking.code(prompt="none", scope="phone openid")


def test_offline_access_is_given_by_consent(asking: Relying) -> None:
    scope = "openid offline_access"
    form = consent_form(asking.authorize(scope="openid"))
    asking.browser.post("/authorize/consent", data={**form, "decision": "allow"})
    assert error_of(asking, asking.authorize(prompt="none", scope=scope)) == "consent_required"
    page = asking.authorize(scope=scope)
    assert "Stay connected while you are away" in page.text
    answer = asking.browser.post("/authorize/consent", data={**consent_form(page), "decision": "allow"})
    code = sent_to(answer, asking.redirect_uri)["code"]
    assert asking.refresh(asking.exchange(code).json["refresh_token"]).status_code == 200
    assert "refresh_token" not in asking.tokens(scope="openid", prompt="none")


def test_anything_but_allow_is_a_refusal(asking: Relying) -> None:
    for decision in ({"decision": "deny"}, {"decision": ""}, {"decision": "ALLOW"}, {}):
        form = consent_form(asking.authorize())
        sent = sent_to(asking.browser.post("/authorize/consent", data=form | decision), asking.redirect_uri)
        assert sent["error"] == "access_denied"
        assert sent["state"] == "s t&=#/ü"
        assert sent["iss"] == keyring().issuer
        assert error_of(asking, asking.authorize(prompt="none")) == "consent_required"


def test_consent_from_elsewhere_is_refused(asking: Relying) -> None:
    form = consent_form(asking.authorize())
    stolen = {"request": form["request"], "decision": "allow"}
    for data in (stolen, {**stolen, "csrf_token": "x"}):
        assert asking.browser.post("/authorize/consent", data=data).status_code == 400
    evil = {"Origin": "https://evil.example"}
    answer = asking.browser.post("/authorize/consent", data={**form, "decision": "allow"}, headers=evil)
    assert answer.status_code == 400
    assert error_of(asking, asking.authorize(prompt="none")) == "consent_required"


def test_consent_needs_the_session_it_was_shown_to(asking: Relying, member: Member) -> None:
    form = consent_form(asking.authorize())
    asking.browser.delete_cookie("msidp_session")
    answer = asking.browser.post("/authorize/consent", data={**form, "decision": "allow"})
    assert answer.status_code == 303
    path = f"/authorize/continue?request={form['request']}"
    assert answer.headers["Location"] == path
    assert next_of(asking.browser.get(path)) == path


def test_prompt_consent_after_prompt_login(
    asking: Relying, member: Member, time: time_machine.Traveller
) -> None:
    path = next_of(asking.authorize(prompt="login consent"))
    time.shift(5)
    log_in(asking.browser, member)
    form = consent_form(asking.browser.get(path))
    answer = asking.browser.post("/authorize/consent", data={**form, "decision": "allow"})
    assert "code" in sent_to(answer, asking.redirect_uri)


def test_a_waiting_request_expires(unknown: Relying, member: Member, time: time_machine.Traveller) -> None:
    path = next_of(unknown.authorize())
    time.shift(3600 - 1)
    assert continuation(path)
    time.shift(2)
    log_in(unknown.browser, member)
    assert unknown.browser.get(path).status_code == 400
    assert continuation(path) is None


def test_any_program_could_be_a_native_application(
    admin: FlaskClient, browser: FlaskClient, member: Member, time: time_machine.Traveller
) -> None:
    """On loopback or a scheme of its own it is asked for each time, but for a member who has just acted."""
    uris = ["http://127.0.0.1/cb", "com.example.app:/cb", "https://app.example/cb"]
    log_in(browser, member)
    asking = register(admin, browser, type="native", skipConsent=False, redirectUris=uris)
    for uri in uris:
        form = consent_form(asking.authorize(redirect_uri=uri, prompt="consent"))
        browser.post("/authorize/consent", data={**form, "decision": "allow"})
    for uri in ("http://127.0.0.1:49152/cb", uris[1]):
        silent = asking.authorize(redirect_uri=uri, prompt="none")
        assert sent_to(silent, uri)["error"] == "consent_required"
        page = asking.authorize(redirect_uri=uri)
        assert "Allow Shop?" in page.text
        answer = browser.post("/authorize/consent", data={**consent_form(page), "decision": "allow"})
        assert sent_to(answer, uri)["code"]
    assert sent_to(asking.authorize(redirect_uri=uris[2], prompt="none"), uris[2])["code"]
    here = Relying(browser, asking.id, asking.client_id, asking.secret, uris[1])
    assert after_login(here, here.authorize(prompt="login"), member, time)
    elsewhere = Relying(browser.application.test_client(), here.id, here.client_id, here.secret, uris[1])
    laid_by = next_of(elsewhere.authorize())  # by a program that waits for any log-in of the member's
    time.shift(5)
    log_in(browser, member)
    assert "Allow Shop?" in browser.get(laid_by).text
    trusted = register(admin, browser, type="native", redirectUris=uris)
    assert sent_to(trusted.authorize(redirect_uri=uris[1], prompt="none"), uris[1])["code"]
