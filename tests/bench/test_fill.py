"""What fills a database for the benchmarks is what the site would have written itself."""

from flask import Flask
from flask.testing import FlaskClient
from tests.oidc.conftest import log_in, new_member, register

from bench import fill
from msidp.settings import Settings

EMAIL = "ada@example.com"


def test_the_copies_work(app: Flask, admin: FlaskClient, community_id: str, settings: Settings) -> None:
    browser = app.test_client()
    log_in(browser, new_member(community_id, EMAIL))
    shop = register(admin, browser)
    shop.tokens(scope="openid email offline_access")
    fill.fill(settings.database_url, EMAIL, fill.Fill(members=40, sessions=20, refresh_tokens=40))

    seventh = admin.get(f"/members/{fill.email_of(7)}").json["data"]
    answer = shop.refresh(fill.refresh_token(7))
    assert answer.status_code == 200, answer.json
    told = shop.userinfo(answer.json["access_token"]).json
    assert (told["sub"], told["email"]) == (seventh["id"], fill.email_of(7))
    assert shop.refresh(fill.refresh_token(40)).status_code == 200
    assert shop.refresh(fill.refresh_token(41)).status_code == 400

    browser.set_cookie("msidp_session", fill.session_token(20))
    assert browser.get("/account").status_code == 200
    assert admin.get("/members?limit=1").json["totalCount"] == 41
