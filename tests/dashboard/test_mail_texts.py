"""Settings → Mail texts: the community's own words, and the mail as it will be."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, expect
from tests.dashboard.conftest import PASSWORD, make_operator, submit
from tests.support.browser import accessibility_problems, looks, overflow, picture, tab

from msidp import languages
from msidp.communities.roles import Role
from msidp.mail import texts

# What these pages do does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
HOME = "/dashboard/settings/texts"


def test_each_mail_can_have_words_and_is_seen_before(
    admin: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    client = sign_in("admin")
    assert "msidp’s" in client.get(HOME).text
    for template, parts in texts.PARTS.items():
        for language in languages.NAMES:
            path = f"{HOME}/{template}/{language}"
            body = "\n".join(["<u>Hello</u> {email}", *(f"{{{part}}}" for part in parts)])
            fields = {"subject": "From {community}", "body": body}
            seen = submit(client, path, f"{path}/preview", **fields).text
            assert "&lt;u&gt;Hello&lt;/u&gt; ada@example.com\n" in seen
            assert ("token=…" in seen) == ("button" in parts)
            assert ("123456" in seen) == ("code" in parts)
            assert submit(client, path, path, **fields).status_code == 303
    assert len(admin.get("/mail-texts").json["data"]) == len(texts.PARTS) * len(languages.NAMES)
    assert client.get(HOME).text.count("your words</span>") == len(texts.PARTS) * len(languages.NAMES)
    refused = submit(client, path, path, subject="", body="{eve}<script>")
    assert refused.status_code == 422
    assert "{eve}&lt;script&gt;" in refused.text
    assert submit(client, path, f"{path}/delete").status_code == 303
    assert client.get(f"{HOME}/security_notice/en").status_code == 404


def test_in_chromium(app: Flask, browser: Browser, base_url: str, community_id: str) -> None:
    make_operator(community_id, "admin", "ann@example.com")
    with tab(browser, base_url, viewport={"width": 320, "height": 800}) as page:
        page.goto("/dashboard/sign-in")
        page.get_by_label("Email address").fill("ann@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/dashboard")
        for path in ("", "/sign_in/de"):
            page.goto(HOME + path)
            if path:
                page.get_by_label("Subject").fill("Hallo")
                page.get_by_label("Text").fill("Ihr Code\n{code}\n{button}")
                page.get_by_role("button", name="Preview").click()
                page.get_by_text("Ihr Code\n").last.wait_for()
                mail = page.frame_locator("iframe")
                expect(mail.get_by_role("heading")).to_have_text("Hallo")
                button = mail.get_by_role("link")  # its style attribute is in force, by its hash
                expect(button).to_have_css("background-color", "rgb(51, 85, 209)")
            assert overflow(page) == 0
            for look in looks(page):
                picture(page, f"texts{path.replace('/', '-')}-{look}")
                assert accessibility_problems(page) == []
