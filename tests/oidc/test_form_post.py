"""OAuth 2.0 Form Post Response Mode: what the page holds, and that nothing stands in an address."""

from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import REDIRECT_URI, Relying, register, sent_to
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from msidp.keys.keyring import keyring

pytestmark = pytest.mark.database("sqlite")

HOSTILE = "\"'><script>alert(1)</script>&amp;ü {{ 7 * 7 }}"


class Reader(HTMLParser):
    """The page's forms and scripts, as a browser reads them, without the languages in its footer."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.fields: list[tuple[str, str]] = []
        self.buttons: list[dict[str, Any]] = []
        self.scripts: list[dict[str, Any]] = []
        self.in_footer = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.in_footer = self.in_footer or tag == "footer"
        if self.in_footer:
            return
        if tag == "input":
            self.fields.append((given["name"] or "", given["value"] or ""))
        found = {"form": self.forms, "button": self.buttons, "script": self.scripts}.get(tag)
        if found is not None:
            found.append(given)


def posted(answer: TestResponse, redirect_uri: str = REDIRECT_URI) -> dict[str, str]:
    """What the page's one form carries to the redirect URI."""
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "Location" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    page = Reader()
    page.feed(answer.text)
    assert page.forms == [{"method": "post", "action": redirect_uri}]
    assert [button["type"] for button in page.buttons] == ["submit"]
    [script] = page.scripts
    assert script["src"].startswith("/static/form-post.js?v=")
    assert len(dict(page.fields)) == len(page.fields)
    return dict(page.fields)


def policy(answer: TestResponse) -> dict[str, str]:
    directives = answer.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


def test_the_code_is_posted(shop: Relying) -> None:
    answer = shop.authorize(response_mode="form_post")
    fields = posted(answer)
    assert set(fields) == {"code", "state", "iss"}
    assert fields["state"] == shop.parameters()["state"]
    assert fields["iss"] == keyring().issuer
    assert shop.exchange(fields["code"]).status_code == 200
    assert "form-action" not in policy(answer)  # the application may lead on to anywhere
    assert policy(answer)["script-src"] == "'self'"


def test_values_are_text(shop: Relying) -> None:
    answer = shop.authorize(response_mode="form_post", state=HOSTILE)
    assert posted(answer)["state"] == HOSTILE
    assert "<script>alert" not in answer.text


def test_a_redirect_uri_is_text(admin: FlaskClient, shop: Relying) -> None:
    uri = "https://shop.example/cb?a='b'&amp;c=1"
    quoting = register(admin, shop.browser, redirectUris=[uri])
    assert "code" in posted(quoting.authorize(response_mode="form_post"), uri)


def test_errors_are_posted(shop: Relying) -> None:
    """Whatever is checked, before the response mode's own turn or after it."""
    for changes, error in (
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"request": "x"}, "request_not_supported"),
        ({"scope": "email"}, "invalid_scope"),
        ({"prompt": "later"}, "invalid_request"),
        (
            {"prompt": "none", "max_age": "0", "claims": '{"id_token": {"sub": {"value": "x"}}}'},
            "login_required",
        ),
        ({"nonce": "\0"}, "invalid_request"),
    ):
        fields = posted(shop.authorize(response_mode="form_post", **changes))
        assert (fields["error"], fields["iss"]) == (error, keyring().issuer), changes
        assert "code" not in fields
    twice = MultiDict([*shop.parameters(response_mode="form_post").items(), ("nonce", "again")])
    fields = posted(shop.browser.get("/authorize", query_string=twice))
    assert (fields["error"], fields["state"]) == ("invalid_request", shop.parameters()["state"])


def test_it_lasts_while_the_request_waits(shop: Relying, admin: FlaskClient) -> None:
    by_post = shop.browser.post("/authorize", data=shop.parameters(response_mode="form_post"))
    assert "code" in posted(shop.browser.get(by_post.headers["Location"]))
    asking = register(admin, shop.browser, skipConsent=False)
    for decision, field in (("deny", "error"), ("allow", "code")):
        page = Reader()
        page.feed(asking.authorize(response_mode="form_post").text)
        data = {**dict(page.fields), "decision": decision}
        assert field in posted(shop.browser.post("/authorize/consent", data=data))


def test_what_cannot_travel_so_says_it_in_the_query(admin: FlaskClient, shop: Relying) -> None:
    for mode in ("query.jwt", "form_post.jwt", "FORM_POST"):
        sent = sent_to(shop.authorize(response_mode=mode), shop.redirect_uri)
        assert sent["error"] == "invalid_request"
    twice = MultiDict([*shop.parameters(response_mode="form_post").items(), ("response_mode", "query")])
    sent = sent_to(shop.browser.get("/authorize", query_string=twice), shop.redirect_uri)
    assert sent["error"] == "invalid_request"
    app = register(admin, shop.browser, type="native", redirectUris=["com.example.app:/cb"])
    sent = sent_to(app.authorize(response_mode="form_post"), app.redirect_uri)
    assert sent["error"] == "invalid_request"
    assert "code" in sent_to(shop.authorize(response_mode="query"), shop.redirect_uri)


def test_it_is_named_in_discovery(shop: Relying) -> None:
    metadata = shop.backend.get("/.well-known/openid-configuration").json
    assert metadata["response_modes_supported"] == ["query", "fragment", "form_post"]
