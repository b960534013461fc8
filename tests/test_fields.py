"""How many fields a form and a query may have, and how large a form may be."""

from urllib.parse import parse_qs

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from msidp.errors import BadRequest
from msidp.incoming import LABORIOUS, MAX_FIELDS, MAX_FORM, StrictRequest
from msidp.web import REFUSAL

FORM = "application/x-www-form-urlencoded"
TOO_MANY = b"&".join([b"x=1"] * (MAX_FIELDS + 1))
UNREADABLE = [(TOO_MANY, 400), (b"x=%ff", 400), (b"x=\xff", 400), (b"x=" + b"a" * MAX_FORM, 413)]


@pytest.mark.parametrize(("form", "status"), UNREADABLE)
@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect", "/userinfo"])
def test_applications_are_told_in_the_words_of_oauth(
    client: FlaskClient, path: str, form: bytes, status: int
) -> None:
    answer = client.post(path, data=form, content_type=FORM)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["error"] == "invalid_request"
    assert answer.json["error_description"]


@pytest.mark.parametrize(("form", "status"), UNREADABLE)
def test_other_forms_are_refused_as_well(client: FlaskClient, form: bytes, status: int) -> None:
    assert client.post("/authorize", data=form, content_type=FORM).status_code == status


def test_as_many_as_are_allowed_are_read(client: FlaskClient) -> None:
    allowed = b"&".join([b"x=1"] * MAX_FIELDS)
    answer = client.post("/token", data=allowed, content_type=FORM)
    assert answer.json is not None
    assert "fields" not in answer.json["error_description"]
    assert client.get(f"/healthz?{allowed.decode()}").status_code == 200


def test_the_forms_that_cost_a_hash_are_there(app: Flask) -> None:
    assert {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())} >= LABORIOUS


def test_a_crowd_is_told_to_come_back(client: FlaskClient) -> None:
    answer = client.post("/login", environ_overrides={REFUSAL: 503})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_wishes_without_end_are_not_heard(client: FlaskClient) -> None:
    for list_, language in (("de", "de"), ("de," + "aa," * 1000, "en")):
        answer = client.get("/login", headers={"Accept-Language": list_})
        assert answer.headers["Content-Language"] == language
    accepted = "text/html," + "a/b," * 1000
    assert client.get("/nothing", headers={"Accept": accepted}).mimetype == "application/json"


def test_queries_have_the_same_limit(client: FlaskClient) -> None:
    answer = client.get(f"/healthz?{TOO_MANY.decode()}")
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["code"] == "too-many-fields"


@given(st.lists(st.text("ab=&+%25eC3A9\x00é ;", max_size=12), max_size=4).map("&".join))
def test_fields_are_read_as_the_standard_library_does(text: str) -> None:
    read = StrictRequest({"QUERY_STRING": text.encode().decode("latin-1")})
    try:
        expected = parse_qs(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(BadRequest, match="not UTF-8"):
            _ = read.args
    else:
        assert read.args.to_dict(flat=False) == expected
