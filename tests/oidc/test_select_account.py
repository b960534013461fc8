"""`prompt=select_account`: the person says who goes on."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, log_in, new_member, register, sent_to
from werkzeug.test import TestResponse

from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

CHOOSE = "/authorize/account"


def fields(page: TestResponse) -> dict[str, str]:
    assert page.status_code == 200, (page.status_code, page.headers)
    assert f'action="{CHOOSE}"' in page.text
    return dict(re.findall(r'name="(csrf_token|request|account)" value="([^"]*)"', page.text))


def another_login(page: TestResponse) -> str:
    link = re.search(r'href="(/login[^"]*)">Use another account', page.text)
    assert link
    return link[1].replace("&amp;", "&")


def test_continue_as_who_is_logged_in(shop: Relying, member: Member) -> None:
    page = shop.authorize(prompt="select_account")
    assert "Continue as Ada Lovelace" in page.text
    assert "ada@example.com" in page.text
    chosen = shop.browser.post(CHOOSE, data=fields(page))
    assert chosen.status_code == 303
    code = sent_to(shop.browser.get(chosen.headers["Location"]), shop.redirect_uri)["code"]
    assert shop.userinfo(shop.exchange(code).json["access_token"]).json["sub"] == member.id
    assert fields(shop.authorize(prompt="select_account"))  # asked anew, each time


def test_use_another_account(shop: Relying, community_id: str) -> None:
    page = shop.authorize(prompt="select_account")
    path = another_login(page)
    form = shop.browser.get(path).text
    assert "to continue to <strong>Shop</strong>" in form
    assert "ada@example.com" not in form
    log_in(shop.browser, new_member(community_id, "bob@example.com"))
    [next_] = parse_qs(urlsplit(path).query)["next"]
    assert "code" in sent_to(shop.browser.get(next_), shop.redirect_uri)


def test_who_is_not_logged_in_logs_in(shop: Relying) -> None:
    shop.browser.delete_cookie("msidp_session")
    assert shop.authorize(prompt="select_account").headers["Location"].startswith("/login?next=")


def test_the_choice_is_for_who_was_shown(shop: Relying, member: Member, community_id: str) -> None:
    """Somebody else logged in meanwhile, in another tab: they are asked themselves."""
    form = fields(shop.authorize(prompt="select_account"))
    log_in(shop.browser, new_member(community_id, "bob@example.com"))
    log_in(shop.browser, new_member(community_id, "cy@example.com"))
    shop.browser.get("/account")
    csrf = re.search(r'name="csrf_token" value="([^"]*)"', shop.browser.get("/account").text)
    assert csrf
    answer = shop.browser.post(CHOOSE, data={**form, "csrf_token": csrf[1], "account": member.id})
    assert answer.headers["Location"] == f"/authorize/continue?request={form['request']}"


def test_nobody_chooses_for_them(shop: Relying) -> None:
    form = fields(shop.authorize(prompt="select_account"))
    for data in ({**form, "csrf_token": "x"}, {"request": form["request"], "account": form["account"]}):
        assert shop.browser.post(CHOOSE, data=data).status_code == 400
    evil = {"Origin": "https://evil.example"}
    assert shop.browser.post(CHOOSE, data=form, headers=evil).status_code == 400


@pytest.mark.parametrize("prompt", ["select_account consent", "consent select_account"])
def test_then_consent(admin: FlaskClient, shop: Relying, prompt: str) -> None:
    asking = register(admin, shop.browser, skipConsent=False)
    chosen = asking.browser.post(CHOOSE, data=fields(asking.authorize(prompt=prompt)))
    page = asking.browser.get(chosen.headers["Location"])
    assert "would like to" in page.text
