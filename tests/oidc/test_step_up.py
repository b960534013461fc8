"""An application asks for two factors, and the member proves the second on the way to it."""

from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.accounts.factors.support import add_app, code, log_in, sign_up
from tests.oidc.conftest import id_claims
from tests.support.forms import Browser, Page

from msidp import clock, db
from msidp.accounts.assurance import ONE_FACTOR, TWO_FACTORS
from msidp.accounts.models import Session

pytestmark = pytest.mark.database("sqlite")
CALLBACK = "https://notes.example/cb"


@pytest.fixture
def notes(admin: FlaskClient) -> dict[str, Any]:
    body = {"name": "Acme Notes", "type": "web", "redirectUris": [CALLBACK], "skipConsent": True}
    made: dict[str, Any] = admin.post("/applications", json=body).json["data"]
    return made


def link(notes: dict[str, Any], **more: str) -> str:
    query = {
        "response_type": "code",
        "client_id": notes["clientId"],
        "redirect_uri": CALLBACK,
        "scope": "openid",
    }
    return f"/authorize?{urlencode(query | more)}"


def claims(notes: dict[str, Any], browser: Browser, page: Page) -> dict[str, Any]:
    fields = {
        "grant_type": "authorization_code", "code": page.redirect_query["code"], "redirect_uri": CALLBACK,
    }  # fmt: skip
    answer = requests.post(
        f"{browser.base_url}/token", data=fields, auth=(notes["clientId"], notes["clientSecret"]), timeout=10
    )
    return id_claims(answer.json()["id_token"])


def test_the_second_factor_on_the_way(base_url: str, notes: dict[str, Any]) -> None:
    first, second, third = Browser(base_url), Browser(base_url), Browser(base_url)
    sign_up(first)
    log_in(second)
    an_hour_ago = clock.now() - clock.HOUR
    with db.transaction() as session:
        newest = session.scalars(select(Session.id).order_by(Session.seq.desc()).limit(1)).one()
        session.execute(update(Session).where(Session.id == newest).values(authenticated_at=an_hour_ago))
    secret, _ = add_app(first)

    # Logged in by password alone: only the code is asked for, and the time stays that of the password.
    assert claims(notes, second, second.get(link(notes)))["acr"] == ONE_FACTOR
    page = second.get(link(notes, acr_values=TWO_FACTORS))
    assert page.path == "/login/verify"
    assert "to continue to Acme Notes" in page.text
    told = claims(notes, second, second.submit(page.form("/login/verify"), code=code(secret)))
    assert (told["acr"], told["amr"]) == (TWO_FACTORS, ["pwd", "otp", "mfa"])
    assert told["auth_time"] == clock.seconds(an_hour_ago)
    assert claims(notes, second, second.get(link(notes, acr_values=TWO_FACTORS)))["acr"] == TWO_FACTORS

    # Too old for the application: both are asked for, and the time is now.
    page = second.get(link(notes, max_age="60"))
    assert page.path == "/login"
    page = second.submit(page.form("/login"), password="correct horse")
    assert page.path == "/login/verify"
    told = claims(notes, second, second.submit(page.form("/login/verify"), code=code(secret, 1)))
    assert told["auth_time"] >= clock.seconds(clock.now()) - 60

    # Nobody logged in: the request waits through both steps.
    page = third.get(link(notes))
    page = third.submit(page.form("/login"), email="ada@example.com", password="correct horse")
    assert page.path == "/login/verify"
    assert "to continue to Acme Notes" in page.text
