"""The short way through Flask leads where the long one does."""

from pathlib import Path
from typing import Any

import pytest
from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    has_app_context,
    has_request_context,
    redirect,
    request,
    send_file,
    session,
    url_for,
)
from flask.testing import FlaskClient

from msidp.dispatch import App, quick
from msidp.web import REFUSAL

pytestmark = pytest.mark.database("sqlite")


def test_the_table_and_the_matcher_know_the_same_routes(app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    plain = [rule for rule in app.url_map.iter_rules() if not rule.arguments]
    for rule in plain:
        for method in sorted(rule.methods or ()):
            with app.test_request_context(rule.rule, method=method) as context:
                found = context.request.url_rule
                assert found is adapter.match(rule.rule, method, return_rule=True)[0]
    assert len(plain) > 100


@pytest.mark.parametrize("path", ["/jwks/", "/JWKS", "/jwks%2F", "/jwks;x", "/jwks%C0"])
def test_a_path_is_that_of_the_table_or_another(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_other_methods_are_refused_and_told(client: FlaskClient) -> None:
    refused = client.get("/token", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json["code"]) == (405, "method-not-allowed")
    assert set(refused.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    preflight = client.options("/token")
    assert set(preflight.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert client.head("/jwks").data == b""
    assert client.head("/jwks").headers["Content-Length"] == client.get("/jwks").headers["Content-Length"]


def test_answers_that_need_werkzeug_get_it() -> None:
    app, closed = App(__name__), []

    @app.get("/moved")
    def moved() -> Response:
        return redirect("/über uns")

    @app.get("/made")
    def made() -> Response:
        return Response(piece for piece in ("a", "b"))

    @app.get("/file")
    def file() -> Response:
        return send_file(__file__)

    @app.get("/watched")
    def watched() -> Response:
        response = Response("watched")
        response.call_on_close(lambda: closed.append(True))
        return response

    @app.get("/nothing")
    def nothing() -> Response:
        return Response(status=204)

    client = app.test_client()
    assert client.get("/moved").headers["Location"] == "/%C3%BCber%20uns"
    assert client.get("/made").text == "ab"
    with client.get("/file") as answer:
        assert answer.text == Path(__file__).read_text()
    with client.get("/watched") as answer:
        assert answer.text == "watched"
    assert closed == [True]
    assert (client.get("/nothing").data, "Content-Length" in client.get("/nothing").headers) == (b"", False)


FORM = "application/x-www-form-urlencoded"
ASKED: list[dict[str, Any]] = [
    {"path": "/jwks"},
    {"path": "/jwks", "method": "HEAD"},
    {"path": "/jwks", "headers": {"If-None-Match": "*"}},
    {"path": "/jwks", "headers": {"Accept": "text/html", "Host": "no host"}},
    {"path": "/jwks", "query_string": "x=%ff"},
    {"path": "/userinfo", "headers": {"Origin": "https://shop.example", "Cookie": "msidp_form=x"}},
    {"path": "/userinfo", "method": "POST", "data": "access_token=a", "content_type": FORM},
    {"path": "/token", "method": "POST", "data": "grant_type=password", "content_type": FORM},
    {"path": "/token", "method": "POST", "data": "a=1", "content_type": FORM, "headers": {"DPoP": "x"}},
    {"path": "/token", "method": "POST", "json": {}},
    {"path": "/token", "method": "POST", "environ_overrides": {REFUSAL: 503}},
    {"path": "/token", "method": "OPTIONS", "headers": {"Origin": "https://shop.example"}},
    {"path": "/introspect", "method": "POST", "data": "client_id=x", "content_type": FORM},
    {
        "path": "/revoke",
        "method": "POST",
        "environ_overrides": {REFUSAL: 408},
        "base_url": "https://x.example",
    },
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_the_short_way_answers_as_flask_does(app: Flask, asked: dict[str, Any]) -> None:
    assert told(app, asked, short=True) == told(app, asked, short=False)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_crash_on_the_short_way_is_told_as_any_other(
    app: Flask, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.view_functions, "keys.jwks", lambda: 1 // 0)
    asked = {"path": "/jwks", "headers": {"Accept": accept}}
    status, _, body = told(app, asked, short=True)
    assert (status, body) == (500, told(app, asked, short=False)[2])
    assert b"the-same-one" in body


def told(app: Flask, asked: dict[str, Any], *, short: bool) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer, without its moment. Flask's own way is taken where its context is to be kept."""
    overrides = dict(asked.get("environ_overrides", {}))
    if not short:
        overrides["werkzeug.debug.preserve_context"] = lambda context: None
    headers = {"X-Request-Id": "the-same-one", **asked.get("headers", {})}
    answer = app.test_client().open(**{**asked, "environ_overrides": overrides, "headers": headers})
    return answer.status_code, sorted(item for item in answer.headers if item[0] != "Date"), answer.data


def test_a_hook_may_answer_and_the_browsers_session_is_there() -> None:
    app, bp = App(__name__), Blueprint("quick", __name__)
    app.secret_key = "a secret of this test"
    heard: list[object] = []
    app.before_request(lambda: "not today" if request.args else None)
    app.teardown_request(heard.append)
    quick(bp)

    @bp.get("/quick")
    def view() -> str:
        return f"{session.get('name')} {url_for('quick.view')} {current_app.name}"

    @app.get("/slow")
    def slow() -> str:
        session["name"] = "Ada"
        return "set"

    app.register_blueprint(bp)
    client = app.test_client()
    client.get("/slow")
    assert client.get("/quick").text == f"Ada /quick {app.name}"
    assert client.get("/quick?x=1").text == "not today"
    assert heard == [None, None, None]
    assert not has_app_context()
    assert not has_request_context()
