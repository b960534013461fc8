"""'Try login': a real log-in as the application, shown once to the operator who began it alone."""

import re
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from tests.dashboard.conftest import PASSWORD, make_operator
from tests.support.forms import Browser, Page

from msidp import clock, db
from msidp.audit.models import AuditEntry
from msidp.oidc.models import Consent, Grant, SessionApplication

pytestmark = pytest.mark.database("sqlite")
ADA = "ada@example.com"


@pytest.fixture
def member(base_url: str, admin: FlaskClient) -> str:
    return str(admin.post("/members", json={"email": ADA, "password": PASSWORD}).json["data"]["id"])


def register(admin: FlaskClient, **fields: object) -> str:
    body = {"name": "Notes", "type": "web", "redirectUris": ["https://app.example.com/cb"], **fields}
    answer = admin.post("/applications", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json["data"]["id"])


def operator(
    base_url: str, community_id: str, role: str = "admin", email: str = "olga@example.com"
) -> Browser:
    make_operator(community_id, role, email)
    browser = Browser(base_url)
    page = browser.submit(browser.get("/dashboard/sign-in").form("/sign-in"), email=email, password=PASSWORD)
    assert page.path == "/dashboard"
    return browser


def begin(browser: Browser, application_id: str, **fields: str) -> Page:
    """Press the button. The page that comes is the members' log-in."""
    page = browser.get(f"/dashboard/applications/{application_id}")
    return browser.submit(page.form("/try-login"), **fields)


def log_in(browser: Browser, page: Page) -> Page:
    assert page.path == "/login", page.text
    return browser.submit(page.form("/login"), email=ADA, password=PASSWORD)


def allow(browser: Browser, page: Page) -> Page:
    return browser.submit(page.form("/consent"), button="allow")


def count(model: type) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_what_the_application_would_be_told_is_shown_once(
    app: Flask, base_url: str, community_id: str, admin: FlaskClient, member: str
) -> None:
    application_id = register(admin, backchannelLogoutUri="https://app.example.com/logout")
    browser = operator(base_url, community_id)
    page = begin(browser, application_id, scope="openid email offline_access")
    page = allow(browser, log_in(browser, page))
    assert (page.status, page.path) == (200, "/dashboard/try-login")
    assert "The log-in works" in page.text
    for check in (
        "Signed by the published key",
        "Carries the request's nonce",
        "Belongs to the access token",
    ):
        assert f"✓ {check}" in page.text
    assert "✗" not in page.text
    assert ADA in page.text  # from userinfo
    assert "eyJ" not in page.html  # no token, and nothing with its signature
    assert not re.search(r"\brt_", page.html)
    assert page.headers["Cache-Control"] == "no-store"
    again = browser.get(page.url)
    assert (again.status, "This try is over" in again.text, ADA in again.text) == (400, True, False)
    with db.reading() as session:
        [grant] = session.scalars(select(Grant)).all()
        [entry] = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "application.login_tried")
        ).all()
    assert grant.revoked_at is not None
    assert (entry.target_id, entry.details) == (application_id, {"memberId": member})
    assert count(Consent) == 0  # the member has connected nothing
    assert count(SessionApplication) == 0  # nor will the application hear of a logout


def test_no_request_from_outside_may_name_the_redirect_uri(
    base_url: str, community_id: str, admin: FlaskClient, member: str
) -> None:
    application_id = register(admin, skipConsent=True)
    browser = operator(base_url, community_id)
    log_in(browser, begin(browser, application_id))  # such a request has just been one
    client_id = admin.get(f"/applications/{application_id}").json["data"]["clientId"]
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": f"{base_url}/dashboard/try-login",
        "scope": "openid",
        "trial": "1",
    }
    answer = browser.get(f"/authorize?{urlencode(query)}")
    assert (answer.status, answer.redirect) == (400, None)
    assert "not registered" in answer.text
    pushed = requests.post(f"{base_url}/par", data=query, auth=(client_id, "x"), timeout=30)
    assert pushed.status_code == 401


def test_it_ends_in_the_browser_that_began_it_alone(
    base_url: str, community_id: str, admin: FlaskClient, member: str
) -> None:
    application_id = register(admin, skipConsent=True)
    browser, victim = operator(base_url, community_id), Browser(base_url)
    link = begin(browser, application_id).url  # of the log-in page that the request waits behind
    page = log_in(victim, victim.get(urlsplit(link)._replace(scheme="", netloc="").geturl()))
    assert (page.status, "Go back to the application" in page.text) == (400, True)
    assert count(Grant) == 0


def test_the_answer_is_for_the_operator_who_began_it(
    base_url: str, community_id: str, admin: FlaskClient, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_id = register(admin, skipConsent=True)
    browser = operator(base_url, community_id)
    other = operator(base_url, community_id, email="otto@example.com")
    viewer = operator(base_url, community_id, "viewer", "vera@example.com")
    path = begin(browser, application_id)
    form = path.form("/login")
    walked = browser.session.post(
        form.action,
        data={**form.values, "email": ADA, "password": PASSWORD},
        allow_redirects=False,
        timeout=30,
    )
    answer = browser.session.get(base_url + walked.headers["Location"], allow_redirects=False, timeout=30)
    callback = answer.headers["Location"]
    assert callback.startswith(f"{base_url}/dashboard/try-login?code=")
    trial = browser.session.cookies["msidp_trial"]
    for browser_of_another, status in ((other, 400), (viewer, 403)):
        browser_of_another.session.cookies.set("msidp_trial", trial)
        page = browser_of_another.get(callback)
        assert (page.status, ADA in page.text) == (status, False)
    assert Browser(base_url).get(callback).path == "/dashboard/sign-in"
    forged = browser.get(callback.replace("state=", "state=x"))
    assert forged.status == 400  # and with that the try is over
    browser.session.cookies.set("msidp_trial", trial)
    assert "The log-in works" in browser.get(callback).text  # for who kept the cookie, the code is still good
    browser.session.cookies.set("msidp_trial", trial)
    page = browser.get(callback)
    assert ("invalid_grant" in page.text, ADA in page.text) == (True, False)  # once
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + 2 * clock.HOUR)
    browser.session.cookies.set("msidp_trial", trial)
    assert "This try is over" in browser.get(callback).text


def test_errors_are_shown_in_place(base_url: str, community_id: str, admin: FlaskClient, member: str) -> None:
    application_id = register(admin)
    browser = operator(base_url, community_id)
    page = begin(browser, application_id, scope="email")
    assert (page.status, "The scope must hold openid" in page.text) == (422, True)
    page = log_in(browser, begin(browser, application_id))
    page = browser.submit(page.form("/consent"), button="deny")
    assert page.path == "/dashboard/try-login"
    assert "access_denied" in page.text
    machine = register(admin, type="machine", redirectUris=[], scopes=["jobs"])
    page = browser.get(f"/dashboard/applications/{machine}")
    assert not [form for form in page.forms if form.action.endswith("/try-login")]


def test_an_application_of_a_strict_profile_is_tried_as_well(
    base_url: str, community_id: str, admin: FlaskClient, member: str
) -> None:
    application_id = register(
        admin, requirePushedAuthorizationRequests=True, dpopBoundAccessTokens=True, subjectType="pairwise"
    )
    browser = operator(base_url, community_id)
    page = allow(browser, log_in(browser, begin(browser, application_id)))
    assert "The log-in works" in page.text
    assert "cnf" in page.text
    assert "✗" not in page.text
