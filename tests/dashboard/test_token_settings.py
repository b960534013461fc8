"""Settings → Tokens and webhooks: what new applications get, and what the environment says."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from tests.dashboard.conftest import PASSWORD, make_operator, submit
from tests.support.browser import accessibility_problems, looks, overflow, picture, tab

from msidp.communities.roles import Role
from msidp.settings import Settings

# What these pages do does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
PATH = "/dashboard/settings/tokens"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    chosen = {
        "event_retention_days": 0,
        "attempt_retention_days": 7,
        "outbound_allow_networks": (ip_network("10.1.0.0/16"),),
    }
    return settings.model_copy(update=chosen)


def test_lifetimes_are_saved_and_the_environment_is_told(
    sign_in: Callable[[Role], FlaskClient], admin: FlaskClient
) -> None:
    client = sign_in("admin")
    page = client.get(PATH).text
    for shown in ("Left empty: 7, as the environment says", "10.1.0.0/16", 'value="2592000"'):
        assert shown in page
    wrong = submit(client, PATH, PATH, access_token_lifetime="59", id_token_lifetime="an hour\0<b>")
    assert wrong.status_code == 422
    assert 'id="access_token_lifetime-error"' in wrong.text
    assert 'id="id_token_lifetime-error"' in wrong.text
    assert "&lt;b&gt;" in wrong.text
    assert 'value="59"' in wrong.text
    sent = submit(client, PATH, PATH, access_token_lifetime=" 600 ", id_token_lifetime="")
    assert sent.status_code == 303
    expected = {"accessTokenLifetime": 600, "idTokenLifetime": 3600, "refreshTokenLifetime": 2_592_000}
    assert admin.get("/token-lifetimes").json["data"] == expected
    fields = {"type": "web", "name": "Shop", "redirect_uris": "https://shop.example/back"}
    assert (
        submit(client, "/dashboard/applications/new", "/dashboard/applications", **fields).status_code == 200
    )
    [made] = admin.get("/applications").json["data"]
    assert made["accessTokenLifetime"] == 600
    assert ">Save</button>" not in sign_in("viewer").get(PATH).text


def test_the_log_is_kept_as_long_as_the_community_says(
    sign_in: Callable[[Role], FlaskClient], admin: FlaskClient
) -> None:
    client, save = sign_in("admin"), "/dashboard/settings/retention"
    assert submit(client, PATH, save, event_retention_days="36501").status_code == 422
    wrong = submit(client, PATH, save, attempt_retention_days="-1")
    assert 'id="attempt_retention_days-error"' in wrong.text
    sent = submit(client, PATH, save, event_retention_days="5", delivery_retention_days="3")
    assert sent.status_code == 303
    expected = {"eventRetentionDays": 5, "deliveryRetentionDays": 3, "attemptRetentionDays": 7}
    assert admin.get("/webhook-settings").json["data"] == expected
    changed = admin.patch("/webhook-settings", json={"eventRetentionDays": None}).json["data"]
    assert changed == expected | {"eventRetentionDays": 0}
    assert admin.patch("/webhook-settings", json={"deliveryRetentionDays": True}).status_code == 422
    entries = admin.get("/audit-log").json["data"][-2:]
    assert [(each["actor"]["type"], each["details"]["fields"][-1]) for each in entries] == [
        ("operator", "event_retention_days"),
        ("api_key", "event_retention_days"),
    ]


def test_an_applications_lifetimes_change_on_its_page(
    sign_in: Callable[[Role], FlaskClient], admin: FlaskClient
) -> None:
    body = {"name": "Shop", "type": "web", "redirectUris": ["https://shop.example/back"]}
    made = admin.post("/applications", json=body).json["data"]
    client, path = sign_in("admin"), f"/dashboard/applications/{made['id']}"
    wrong = submit(client, path, f"{path}/lifetimes", access_token_lifetime="59", id_token_lifetime="x")
    assert wrong.status_code == 422
    assert 'id="access_token_lifetime-error"' in wrong.text
    assert 'value="59"' in wrong.text
    saved = submit(client, path, f"{path}/lifetimes", access_token_lifetime="900", id_token_lifetime="")
    assert saved.status_code == 303
    found = admin.get(f"/applications/{made['id']}").json["data"]
    assert (found["accessTokenLifetime"], found["idTokenLifetime"]) == (900, made["idTokenLifetime"])
    assert (found["name"], found["redirectUris"]) == ("Shop", ["https://shop.example/back"])
    assert submit(client, path, "/dashboard/applications/none/lifetimes").status_code == 404


def test_in_chromium(app: Flask, browser: Browser, base_url: str, community_id: str) -> None:
    make_operator(community_id, "admin", "ann@example.com")
    with tab(browser, base_url) as page:
        page.goto("/dashboard/sign-in")
        page.get_by_label("Email address").fill("ann@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/dashboard")
        page.goto(PATH)
        page.get_by_label("Access tokens").fill("60")
        page.get_by_role("button", name="Save").first.click()
        page.get_by_text("Saved.").wait_for()
        for look in looks(page):
            picture(page, f"token-settings-{look}")
            assert accessibility_problems(page) == []
            assert overflow(page) == 0
