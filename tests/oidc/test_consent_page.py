"""What the consent page shows of an application: its name, logo and links, and nothing from elsewhere."""

import re
import threading

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, log_in, register
from tests.support.receiver import Answer, Receiver

from msidp import db
from msidp.members.models import Member
from msidp.oidc.models import Application

pytestmark = pytest.mark.database("sqlite")

ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"
IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + b"x" * 20_000,
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}


@pytest.fixture
def asking(admin: FlaskClient, browser: FlaskClient, member: Member, receiver: Receiver) -> Relying:
    """An application that asks for consent, with all that it can say of itself; the member is logged in."""
    log_in(browser, member)
    return register(
        admin,
        browser,
        name="Shop",
        skipConsent=False,
        logoUri="https://shop.example/logo.png",
        policyUri="https://shop.example/privacy?a=1&b=2",
        tosUri="https://shop.example/terms",
    )


def with_logo(relying: Relying, url: str) -> str:
    """Give the application this logo, past the check that it is https. Returns where it is shown."""
    with db.transaction() as session:
        session.query(Application).where(Application.id == relying.id).update({"logo_uri": url})
    relying.browser.application.extensions["msidp_clients"].forget()
    return f"/logos/{relying.client_id}"


def test_the_page_names_the_application(asking: Relying) -> None:
    page = asking.authorize().text
    assert f'<img class="logo" src="/logos/{asking.client_id}" alt="">' in page
    for text, uri in (
        ("Privacy policy", "https://shop.example/privacy?a=1&amp;b=2"),
        ("Terms of service", "https://shop.example/terms"),
    ):
        assert f'<a href="{uri}" target="_blank" rel="noopener noreferrer">{text}</a>' in page
    assert "Either way you go on to <strong>shop.example</strong>" in page


def test_the_page_asks_no_other_site(asking: Relying) -> None:
    answer = asking.authorize()
    loaded = re.findall(r'(?:src|href)="([^"]*)"', re.sub(r"<a [^>]*>", "", answer.text))
    assert loaded
    assert all(place.startswith("/") and not place.startswith("//") for place in loaded)
    assert "img-src 'self' data:;" in answer.headers["Content-Security-Policy"]


def test_hostile_names_are_text(admin: FlaskClient, shop: Relying) -> None:
    evil = register(admin, shop.browser, skipConsent=False, name=ATTACK)
    pages = [evil.authorize(), evil.authorize(prompt="select_account")]
    pages.append(evil.browser.get(evil.authorize(prompt="login").headers["Location"]))
    for page in pages:
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "{{ 7*7 }}" in page.text


@pytest.mark.database("sqlite", "postgresql")
def test_links_lead_to_the_web_alone(asking: Relying) -> None:
    """Should an address ever be stored that the Admin API would not take."""
    for hostile in ("javascript:alert(1)", "data:text/html,x", 'https://x/"onclick="alert(1)'):
        with db.transaction() as session:
            session.query(Application).where(Application.id == asking.id).update({"policy_uri": hostile})
        asking.browser.application.extensions["msidp_clients"].forget()
        page = asking.authorize().text
        assert f'"{hostile}' not in page
        assert 'onclick="' not in page


@pytest.mark.parametrize("media_type", IMAGES)
def test_a_logo_comes_from_our_own_origin(asking: Relying, receiver: Receiver, media_type: str) -> None:
    receiver.script("/logo", Answer(headers={"Content-Type": "text/html"}, body=IMAGES[media_type]))
    place = with_logo(asking, receiver.url("/logo"))
    for _ in range(3):
        answer = asking.browser.get(place)
        assert (answer.status_code, answer.mimetype, answer.data) == (200, media_type, IMAGES[media_type])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert len(receiver.received("/logo")) == 1
    assert "cookie" not in receiver.received("/logo")[0].headers
    assert "referer" not in receiver.received("/logo")[0].headers


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        Answer(body=b"<html><script>alert(1)</script>"),
        Answer(body=b""),
        Answer(404, body=IMAGES["image/png"]),
        Answer(302, {"Location": "http://127.0.0.1/"}),
        Answer(body=b"\x89PNG\r\n\x1a\n" + b"x" * 100_000),
    ],
)
def test_anything_else_is_no_logo(asking: Relying, receiver: Receiver, answer: Answer) -> None:
    receiver.script("/logo", answer)
    place = with_logo(asking, receiver.url("/logo"))
    assert [asking.browser.get(place).status_code for _ in range(3)] == [404] * 3
    assert len(receiver.received("/logo")) == 1  # not asked again at once


@pytest.mark.database("sqlite", "postgresql")
def test_a_slow_logo_keeps_nobody_waiting(asking: Relying, receiver: Receiver) -> None:
    receiver.script("/logo", Answer(body=IMAGES["image/gif"], delay=2.5))
    place = with_logo(asking, receiver.url("/logo"))
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(asking.browser.application.test_client().get(place).status_code)

    slow = [threading.Thread(target=ask) for _ in range(2)]
    for thread in slow:
        thread.start()
    receiver.wait_for(2, "/logo")
    assert asking.browser.get(place).status_code == 404
    assert statuses == []  # the others wait still
    for thread in slow:
        thread.join()
    assert asking.browser.get(place).status_code == 200


def test_no_logo(shop: Relying) -> None:
    for client_id in (shop.client_id, "client_unknown", "x" * 300, "a b"):
        assert shop.browser.get(f"/logos/{client_id}").status_code == 404


def test_what_is_new_is_told_from_what_was_allowed(asking: Relying) -> None:
    form = re.findall(r'name="(csrf_token|request)" value="([^"]*)"', asking.authorize(scope="openid").text)
    asking.browser.post("/authorize/consent", data={**dict(form), "decision": "allow"})
    page = asking.authorize(scope="openid phone").text
    new, former = page.split("You have allowed it before to:")
    assert "would also like to:" in new
    assert "See your phone number" in new
    assert "Know that it is you" not in new
    assert "Know that it is you" in former
    again = asking.authorize(scope="openid", prompt="consent").text
    assert "would like to:" in again
    assert "Know that it is you" in again
    assert "allowed it before" not in again
