"""The short way through Flask leads where the long one does."""

from pathlib import Path

import pytest
from flask import Flask, Response, redirect, send_file
from flask.testing import FlaskClient

from msidp.dispatch import App

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
