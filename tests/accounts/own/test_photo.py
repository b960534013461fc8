"""A member's photo: given, seen by applications and webhooks, replaced, removed, gone with the member."""

import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select
from tests.support.browser import accessibility_problems, overflow, picture, tab

from msidp import db
from msidp.images.codec import Picture
from msidp.images.models import StoredImage

pytestmark = pytest.mark.database("sqlite")

PASSWORD = "correct horse battery"


def upload(color: str, size: int = 300) -> bytes:
    output = BytesIO()
    Image.new("RGB", (size, size), color).save(output, "PNG")
    return output.getvalue()


def token(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found, path
    return found.group(1)


def send(client: FlaskClient, content: bytes | None) -> int:
    data: dict[str, object] = {"csrf_token": token(client, "/account/photo")}
    if content is not None:
        data["photo"] = (BytesIO(content), "../../photo.png", "text/html")
    return client.post("/account/photo", data=data).status_code


def sign_up(client: FlaskClient) -> None:
    fields = {"email": "ann@example.com", "password": PASSWORD, "csrf_token": token(client, "/signup")}
    assert client.post("/signup", data=fields).status_code == 303


def kept() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(StoredImage)) or 0


def member(admin: FlaskClient) -> dict:
    return admin.get("/members/ann@example.com").json["data"]


def test_a_photo_from_its_upload_to_its_end(client: FlaskClient, admin: FlaskClient) -> None:
    sign_up(client)
    assert send(client, upload("red")) == 303
    ann = member(admin)
    first = ann["profileImage"]
    assert first == ann["profile"]["picture"]
    shown = client.get(first)
    assert shown.mimetype == "image/jpeg"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"] == "private, max-age=86400"  # gone soon after its member
    assert Image.open(BytesIO(shown.data)).size == (256, 256)
    assert first in client.get("/account").text
    events = admin.get(f"/members/{ann['id']}/events?order=DESC").json["data"]
    assert events[0]["type"] == "member.updated"
    told = json.dumps(events[0])
    assert f'"profileImage": "{first}"' in told
    assert '"profile.updated"' in told

    for bad in (None, b"", b"<svg/>", upload("red")[:60]):
        assert send(client, bad) == 422
    assert member(admin)["profileImage"] == first

    url = Picture(upload("blue"), "image/png", 300, 300).data_url
    second = admin.patch(f"/members/{ann['id']}", json={"profileImage": url}).json["data"]["profileImage"]
    assert second != first
    assert (client.get(first).status_code, client.get(second).status_code) == (404, 200)
    assert admin.patch(f"/members/{ann['id']}", json={"profileImage": url[:60]}).status_code == 422
    assert admin.patch("/members/mem_none", json={"profileImage": url}).status_code == 404
    assert kept() == 1

    removal = {"csrf_token": token(client, "/account/photo")}
    assert client.post("/account/photo/remove", data=removal).status_code == 303
    assert (member(admin)["profileImage"], kept()) == (None, 0)

    send(client, upload("green"))
    admin.patch(f"/members/{ann['id']}", json={"profileImage": "https://example.com/ann.png"})
    assert kept() == 0
    send(client, upload("green"))
    assert kept() == 1
    assert admin.delete(f"/members/{ann['id']}").status_code == 200
    assert kept() == 0


def test_only_from_this_site_and_only_ones_own(app: Flask, client: FlaskClient) -> None:
    for path in ("/account/photo", "/account/photo/remove"):
        assert client.post(path).status_code == 303  # to the log-in
    sign_up(client)
    photo = {"photo": (BytesIO(upload("red")), "photo.png")}
    assert client.post("/account/photo", data=photo).status_code == 400
    assert kept() == 0


def test_a_browser_makes_large_photos_small(
    browser: Browser, admin: FlaskClient, base_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "large.png"
    Image.effect_noise((1600, 1200), 100).save(file, "PNG")
    assert file.stat().st_size > 1_000_000
    with tab(browser, base_url, viewport={"width": 320, "height": 700}) as page:
        page.goto("/signup")
        page.get_by_label("Email address").fill("ann@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        page.goto("/account/photo")
        assert accessibility_problems(page) == []
        page.get_by_label("A picture").set_input_files(file)
        expect(page.get_by_label("A picture")).to_have_value(re.compile(r"\\photo$"))  # made anew
        page.get_by_role("button", name="Save").click()
        page.get_by_role("status").wait_for()
        assert page.locator("img.avatar").evaluate("image => image.naturalWidth") == 256
        picture(page, "photo-account")
        page.goto("/account/photo")
        page.emulate_media(color_scheme="dark")
        assert accessibility_problems(page) == []
        assert overflow(page) == 0
        picture(page, "photo")
    assert member(admin)["profileImage"]
