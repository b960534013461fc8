"""The OpenAPI document and the page made of it."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from msidp.api import api
from msidp.communities.guard import AdminBlueprint

pytestmark = pytest.mark.database("sqlite")  # no database is in play


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_admin_route_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    admin = {name for name, blueprint in app.blueprints.items() if isinstance(blueprint, AdminBlueprint)}
    wanted = {
        (re.sub(r"<(?:\w+:)?\w+>", "{}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in admin
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    found = {(re.sub(r"{\w+}", "{}", path), method) for path, method, _ in operations(document)}
    assert found >= wanted
    assert len(wanted) > 10


def test_every_operation_says_what_it_is_takes_and_answers(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["security"] == [{"secretKey": []}]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert operation["summary"].endswith("."), (path, method)
        assert operation["tags"]
        names = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert names == set(re.findall(r"{(\w+)}", path))
        assert [each["name"] for each in operation["parameters"] if not each["description"]] == []
        assert {"200", "401"} <= set(operation["responses"])
        assert ("404" in operation["responses"]) or not names or method == "get", (path, method)
        for status, answer in operation["responses"].items():
            if status >= "400":
                reference = answer["content"]["application/json"]["schema"]["$ref"]
                assert reference == "#/components/schemas/Error"


def test_schemas_have_names_for_people(document: dict[str, Any]) -> None:
    text = str(document)
    schemas = document["components"]["schemas"]
    for name in schemas:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
        assert f"'#/components/schemas/{name}'" in text
    for reference in re.findall(r"'#/components/schemas/(\w+)'", text):
        assert reference in schemas


def test_no_two_models_share_a_name(app: Flask, client: FlaskClient) -> None:
    """SpecTree keeps the last one of a name, so a clash would be silent."""
    client.get("/openapi.json")
    names: dict[str, set[Any]] = {}
    for view in app.view_functions.values():
        metadata = api.get_function_metadata(view)
        for model in metadata.resp.models if metadata and metadata.resp else ():
            names.setdefault(api.naming_strategy(model), set()).add(model)
    assert [name for name, models in names.items() if len(models) > 1] == []


class Links(HTMLParser):
    """The targets of a page, and what its links and resources point at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "style"
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.targets.append(value or "")


def test_the_page_is_complete_and_self_contained(client: FlaskClient, document: dict[str, Any]) -> None:
    answer = client.get("/docs")
    assert answer.mimetype == "text/html"
    page = Links(answer.get_data(as_text=True))
    assert not page.tags & {"script", "style", "iframe", "form"}
    assert len(page.ids) == len(set(page.ids))
    anchors = {target[1:] for target in page.targets if target.startswith("#")}
    assert anchors == set(page.ids)
    assert anchors >= {operation["operationId"] for _, _, operation in operations(document)}
    for target in page.targets:
        assert target.startswith(("#", "/"))
        if target.startswith("/"):
            with client.get(target) as found:
                assert found.status_code == 200


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ("NewApplication", "grantTypes scopes jwks jwksUri skipConsent requirePkce"),
        ("PriceInput", "amount currency"),
        ("Price", "amount"),
        ("PlanInput", "priority"),
        ("MemberInput", "customFields metaData json loginRedirect role profile"),
        ("MemberChanges", "customFields metaData json loginRedirect role profile"),
    ],
)
def test_fields_that_nobody_could_guess_are_explained(
    document: dict[str, Any], schema: str, fields: str
) -> None:
    properties = document["components"]["schemas"][schema]["properties"]
    assert [name for name in fields.split() if "description" not in properties[name]] == []
