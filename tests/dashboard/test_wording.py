"""The audit log speaks in words."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.dashboard.conftest import submit

from msidp.communities.roles import Role
from msidp.dashboard.wording import as_title, told

# What is written does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("webhook.secret_rotated", "Webhook secret rotated"),
        ("initial_access_token.created", "Initial access token created"),
        ("redirectUris", "Redirect URIs"),
        ("custom_fields", "Custom fields"),
        ("includeJSON", "Include JSON"),
        ("identity", "Identity"),
        ("api_key.created", "API key created"),
    ],
)
def test_names_of_the_code_in_words(name: str, words: str) -> None:
    assert as_title(name) == words


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({"fields": ["jwksUri", "skip_consent"]}, [("Changed", "JWKS URI, skip consent")]),
        ({"planId": "pln_1", "jobId": "job_1"}, [("Plan", "pln_1"), ("Job", "job_1")]),
        ({"methods": ["swk", "user", "uv"]}, [("Methods", "passkey")]),
        ({"passwordHashes": False, "format": "csv"}, [("Password hashes", "no"), ("Format", "csv")]),
        ({"kind": "members.change", "action": "addPlan", "named": 3},
         [("Kind", "members change"), ("Action", "add plan"), ("Named", "3")]),
        ({"since": 0, "until": None, "ids": []},
         [("Since", "1970-01-01T00:00:00.000Z"), ("Until", "none"), ("IDs", "none")]),
        ({"x": {"a_b": [1]}, "names": ["a_b"]}, [("X", '{"a_b": [1]}'), ("Names", "a_b")]),
    ],
)  # fmt: skip
def test_details_in_words(details: dict[str, Any], lines: list[tuple[str, str]]) -> None:
    assert told(details) == lines


def test_the_page_shows_them(sign_in: Callable[[Role], FlaskClient]) -> None:
    owner = sign_in("owner")
    form = {"type": "web", "name": "Shop", "redirect_uris": "https://shop.example/cb"}
    made = submit(owner, "/dashboard/applications/new", "/dashboard/applications", **form)
    path = made.text.split('action="/dashboard/applications/')[1].split("/")[0]
    page = f"/dashboard/applications/{path}"
    assert submit(owner, page, page, **form).status_code == 303
    shown = owner.get("/dashboard/audit-log").text
    assert '<span title="application.updated">Application updated</span>' in shown
    assert (
        "Changed: <bdi>backchannel logout URI, name, post logout redirect URIs, redirect URIs, skip consent"
        in (shown)
    )
    assert "Methods: <bdi>password</bdi>" in shown
