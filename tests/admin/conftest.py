"""Fixtures of the SDK's tests: a scripted server, and the real application with a client of it."""

from collections.abc import Iterator

import pytest
from tests.support.scripted import ScriptedServer, scripted_server

from msidp.admin import AdminClient
from msidp.demo.browser import Browser
from msidp.demo.client_app import ClientApp, Login


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def real(base_url: str, secret_key: str) -> Iterator[AdminClient]:
    """A client of the application behind a real socket."""
    with AdminClient(secret_key, base_url) as client:
        yield client


@pytest.fixture
def plan_id(real: AdminClient) -> str:
    """A free plan. Plans are not the SDK's business, but its transport reaches them."""
    found: str = real._transport.post("/plans", {"name": "Club"})["data"]["id"]
    return found


@pytest.fixture
def application(real: AdminClient, base_url: str) -> Iterator[ClientApp]:
    """A client application, registered."""
    running = ClientApp(real, base_url)
    body = {"name": "Shop", "type": "web", "redirectUris": [running.redirect_uri], "skipConsent": True}
    made = real._transport.post("/applications", body)["data"]
    running.client_id, running.client_secret = made["clientId"], made["clientSecret"]
    yield running
    running.stop()


@pytest.fixture
def login(real: AdminClient, application: ClientApp) -> Login:
    """Ada has logged in; the application has verified both of her tokens."""
    real.create_member("ada@example.com", password="correct horse")
    browser = Browser()
    page = browser.open(f"{application.url}/login")
    browser.submit(page.form_with("password"), email="ada@example.com", password="correct horse")
    return application.logins[0]
