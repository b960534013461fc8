"""The look over the Admin API: what members see follows, and what is served can be kept."""

import re
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pydantic.alias_generators import to_snake
from tests.support.threads import at_once

from msidp import db
from msidp.audit.models import AuditEntry
from msidp.images.codec import Picture
from msidp.images.models import StoredImage


def data_url(color: str = "red") -> str:
    output = BytesIO()
    Image.new("RGB", (300, 90), color).save(output, "WEBP")
    return Picture(output.getvalue(), "image/webp", 300, 90).data_url


def test_a_look_shows_on_the_pages_and_goes_again(admin: FlaskClient, client: FlaskClient) -> None:
    look = {
        "name": "Riverside Makers",
        "language": "de",
        "accentColor": "#FA0",
        "logo": data_url(),
        "welcome": {"en": "Glad that you are <here>.", "de": "Schön, dass du da bist."},
        "supportUrl": "mailto:help@example.com",
        "termsUrl": "https://example.com/terms",
        "privacyUrl": "https://example.com/privacy",
    }
    answer = admin.patch("/branding", json=look)
    assert answer.status_code == 200, answer.json
    shown = answer.json["data"]
    logo = shown.pop("logoUrl")
    assert shown == {**{k: v for k, v in look.items() if k != "logo"}, "accentColor": "#ffaa00"}
    assert "Schön, dass du da bist." in client.get("/login?ui_locales=es").text
    page = client.get("/login?ui_locales=en").text
    for part in (
        "Glad that you are &lt;here&gt;.",
        'alt="Riverside Makers"',
        'href="mailto:help@example.com"',
    ):
        assert part in page
    sheet = client.get(page.split('href="/branding/')[1].split('"')[0].join(["/branding/", ""]))
    assert "--fill:#ffaa00" in sheet.text
    image = client.get(logo)
    assert (image.mimetype, image.headers["X-Content-Type-Options"]) == ("image/png", "nosniff")
    for kept in (sheet, image):
        assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with db.reading() as session:
        entry = session.query(AuditEntry).order_by(AuditEntry.seq.desc()).first()
        assert (entry.action, entry.details["fields"]) == ("community.updated", sorted([*_snake(look)]))

    other = admin.patch("/branding", json={"logo": data_url("blue")}).json["data"]["logoUrl"]
    assert other != logo
    assert (client.get(logo).status_code, client.get(other).status_code) == (404, 200)
    nothing = dict.fromkeys(("accentColor", "logo", "supportUrl", "termsUrl", "privacyUrl")) | {"welcome": {}}
    gone = admin.patch("/branding", json=nothing).json["data"]
    assert [value for value in gone.values() if value] == ["de", "Riverside Makers"]
    with db.reading() as session:
        assert session.query(StoredImage).count() == 0
    assert "/branding/" not in client.get("/login").text


def _snake(names: dict[str, object]) -> list[str]:
    return [to_snake(name) for name in names]


WRONG = (
    {"accentColor": "red"},
    {"logo": "https://example.com/logo.png"},
    {"logo": "data:image/svg+xml;base64,PHN2Zz4="},
    {"logo": "data:image/png;base64,PHN2Zz4="},
    {"supportUrl": "javascript:alert(1)"},
    {"termsUrl": "mailto:a@example.com"},
    {"privacyUrl": "//example.com"},
    {"privacyUrl": "https://example.com/\nx"},
    {"welcome": {"en": "two\nlines"}},
    {"welcome": {"tlh": "nuqneH"}},
    {"name": ""},
)
MISSING = (
    "/branding/3355d.css",
    "/branding/3355DG.css",
    f"/images/{'0' * 32}.png",
    "/images/x.png",
    f"/images/{'0' * 32}",
)


@pytest.mark.database("sqlite")
def test_what_cannot_be(admin: FlaskClient, client: FlaskClient) -> None:
    before = admin.get("/branding").json
    for wrong in WRONG:
        assert admin.patch("/branding", json=wrong).status_code == 422, wrong
    told = admin.patch("/branding", json={"supportUrl": "javascript:alert(1)"}).json["details"][0]["message"]
    assert told == "must begin with https:// or http:// or mailto:"
    assert admin.get("/branding").json == before
    for path in MISSING:
        assert client.get(path).status_code == 404, path
    assert client.get("/branding/3355d1.css?v=0").headers["Cache-Control"] == "no-store"


@pytest.mark.database("sqlite")
def test_a_page_with_the_largest_logo_is_light(admin: FlaskClient, client: FlaskClient) -> None:
    output = BytesIO()
    Image.effect_noise((600, 120), 120).save(output, "PNG")
    picture = Picture(output.getvalue(), "image/png", 600, 120)
    answer = admin.patch("/branding", json={"logo": picture.data_url, "accentColor": "#fa0"})
    page = client.get("/login").text
    parts = re.findall(r'(?:href|src)="(/(?:static|branding)/[^"]+)"', page)
    total = len(page.encode()) + len(client.get(answer.json["data"]["logoUrl"]).data)
    for part in parts:
        with client.get(part) as shown:
            total += len(shown.data)
    assert len(parts) >= 3
    assert total <= 26_000  # passkeys.js and some hundred bytes of headers come on top of it


def test_changes_that_come_at_once_leave_one_look(
    app: Flask, admin: FlaskClient, client: FlaskClient
) -> None:
    colors = ("red", "green", "blue", "black", "white", "orange", "pink", "grey")
    logos = [data_url(color) for color in colors]
    headers = {"X-API-KEY": admin.environ_base["HTTP_X_API_KEY"]}
    path = "/branding"
    answers = at_once(8, lambda i: app.test_client().patch(path, json={"logo": logos[i]}, headers=headers))
    assert [answer.status_code for answer in answers] == [200] * 8
    look = {"accentColor": "#123456"}  # the first of the community's own
    answers = at_once(8, lambda _: app.test_client().patch(path, json=look, headers=headers))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert client.get("/login").status_code == 200
    assert admin.get(path).status_code == 200
    with db.reading() as session:
        assert session.query(StoredImage).count() == 1
