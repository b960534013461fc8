"""Settings → Mail: the test mail, from the button to what the server said."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from tests.dashboard.conftest import submit
from tests.mail.support import deliver
from tests.support.mailserver import MailServer

from msidp.communities.roles import Role
from msidp.settings import Settings

PATH = "/dashboard/settings/mail"

# What is shown does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as listening:
        yield listening


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Those of an instance with a mail server, where the test has one."""
    if "server" not in request.fixturenames:
        return settings
    server: MailServer = request.getfixturevalue("server")
    return settings.model_copy(update={"smtp_url": SecretStr(f"{server.url}?timeout=5")})


def test_without_a_server_it_is_kept(sign_in: Callable[[Role], FlaskClient], client: FlaskClient) -> None:
    browser = sign_in("admin")
    sent = submit(browser, PATH, f"{PATH}/test")
    assert sent.status_code == 303
    assert "no mail server is set" in browser.get(sent.headers["Location"]).text
    [mail] = client.get("/dev/inbox").json["data"]
    assert (mail["to"], mail["subject"]) == ("admin@example.com", "A test mail from My community")
    assert "background:#3355d1" in mail["html"]


@pytest.mark.parametrize(
    ("refusal", "shown"), [(None, "The mail server took it"), ("550 no such box", "no such box")]
)
def test_what_the_server_says_is_shown(
    server: MailServer, app: Flask, sign_in: Callable[[Role], FlaskClient], refusal: str | None, shown: str
) -> None:
    server.answer = lambda step, _what: refusal if step == "RCPT" else None
    browser = sign_in("admin")
    answer = submit(browser, PATH, f"{PATH}/test")
    waiting = browser.get(answer.headers["Location"]).text
    assert "on its way" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    deliver()
    page = browser.get(answer.headers["Location"]).text
    assert shown in page
    assert "every 2s" not in page
    assert f"127.0.0.1:{server.url.rsplit(':', 1)[1]}" in page
