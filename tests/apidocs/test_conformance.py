"""Schemathesis: whatever is sent to the APIs, they answer as their OpenAPI document says.

On SQLite alone: what is looked at here does not depend on the database.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select
from tests.conftest import SECRET_KEY
from tests.dashboard.conftest import make_operator
from tests.support.valkey import ValkeyServer

from msidp import db
from msidp.accounts import sessions
from msidp.app import create_app
from msidp.communities import service as communities
from msidp.members.models import Member
from msidp.memberstack import tokens
from msidp.settings import Settings

EXAMPLES = 15
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Instance:
    """An application with something of each kind in it."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        with self.app.app_context(), db.transaction() as session:
            community_id = communities.ensure_default(session).id
            self.secret_key = communities.create_api_key(session, community_id, "tests", "owner").secret_key
            self.public_key = communities.get(session, community_id).public_key
            self.site = communities.site_of(db.core_of(session), community_id)
        self.visitors: list[str] = []
        self.open_plan = self.post("/plans", {"name": "Open"})["id"]
        plan = self.post("/plans", {"name": "Gold"})
        member = self.post("/members", {"email": "ann@example.com", "plans": [{"planId": plan["id"]}]})
        redirect = "https://app.example.com/back"
        application = self.post("/applications", {"name": "App", "type": "web", "redirectUris": [redirect]})
        hook = {"name": "Hook", "url": "https://hooks.example.com/", "dialect": "standard"}
        webhook = self.post("/webhooks", hook)
        self.ids = {
            "memberId": member["id"],
            "planId": plan["id"],
            "connectionId": member["planConnections"][0]["id"],
            "applicationId": application["id"],
            "webhookId": webhook["id"],
            "eventType": self.post("/event-types", {"name": "invoice.paid"})["name"],
            "tokenId": self.post("/initial-access-tokens", {"name": "Partners"})["id"],
            "sessionId": self.log_in(member["id"]),
            "deliveryId": self.post(f"/webhooks/{webhook['id']}/test", {})["id"],
            "replayId": self.post(f"/webhooks/{webhook['id']}/replay", {"since": "2020-01-01T00:00:00Z"})[
                "id"
            ],
            "jobId": self.post("/members/bulk", {"action": "logOut", "ids": [member["id"]]})["id"],
            "template": "verify_email",
            "language": "de",
            **self.people(),
        }

    def people(self) -> dict[str, str]:
        """An operator, somebody invited, a key, a test mail."""
        with self.app.app_context(), db.transaction() as session:
            community_id = communities.ensure_default(session).id
            keys = communities.create_api_key(session, community_id, "spare")
            operator_id = make_operator(community_id, "viewer", "vera@example.com")
        invitation = {"email": "olga@example.com", "role": "owner"}
        return {
            "keyId": keys.id,
            "operatorId": operator_id,
            "invitationId": self.post("/operator-invitations", invitation)["id"],
            "mailId": self.post("/mail-tests", {"to": "vera@example.com"})["id"],
        }

    def log_in(self, member_id: str) -> str:
        """A session of this member's."""
        with self.app.app_context(), db.transaction() as session:
            member = session.scalars(select(Member).where(Member.id == member_id)).one()
            return sessions.start(session, member, ("pwd",)).login.session_id

    def member_token(self) -> str:
        """A member session token, of a member who is there for this alone."""
        email = f"{len(self.visitors)}@example.com"
        self.visitors.append(email)
        member = self.post("/members", {"email": email, "plans": [{"planId": self.open_plan}]})
        with self.app.app_context():
            with db.transaction() as session:
                found = session.scalars(select(Member).where(Member.id == member["id"])).one()
                login = sessions.start(session, found, ("email",)).login
            return tokens.issue(self.site, login).token

    def headers(self, operation: Any) -> dict[str, str]:
        """What lets somebody call it."""
        if "client API" not in operation.definition.raw["tags"]:
            return {"X-API-KEY": self.secret_key}
        return {"X-API-KEY": self.public_key, "Authorization": f"Bearer {self.member_token()}"}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the Admin API answers to a POST that succeeds."""
        answer = self.app.test_client().post(path, json=body, headers={"X-API-KEY": self.secret_key})
        assert answer.status_code == 200, answer.json
        return answer.json["data"]


@pytest.fixture(scope="module")
def instance(
    sqlite_template: Path, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    directory = tmp_path_factory.mktemp("conformance")
    shutil.copy(sqlite_template, directory / "msidp.db")
    settings = Settings(instance_dir=directory, redis_url=valkey.url, secret_key=SECRET_KEY).completed()
    made = Instance(settings)
    yield made
    with made.app.app_context():
        db.dispose()


@pytest.fixture
def document(instance: Instance) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", instance.app)


def cases(operation: Any) -> st.SearchStrategy[Any]:
    """Requests that fit the document, and requests that do not."""
    return st.one_of(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)


def operations(document: Any) -> list[Any]:
    """All of them. What ends things comes last, the innermost first."""
    order = ("get", "patch", "put", "post", "delete")
    found = (result.ok() for result in document.get_all_operations())
    return sorted(found, key=lambda operation: (order.index(operation.method), -operation.path.count("/")))


def test_every_answer_is_documented(instance: Instance, document: Any, subtests: pytest.Subtests) -> None:
    statuses: set[int] = set()

    @effort(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data(), st.booleans())
    def check(operation: Any, headers: dict[str, str], data: st.DataObject, known: bool) -> None:
        case = data.draw(cases(operation))
        if known:
            names = case.path_parameters.keys() & instance.ids.keys()
            case.path_parameters |= {name: instance.ids[name] for name in names}
        answer = case.call_and_validate(headers=headers, checks=CHECKS)
        statuses.add(answer.status_code)

    for operation in operations(document):
        with subtests.test(operation=operation.label):
            check(operation, instance.headers(operation))
    assert statuses >= {200, 404, 422}


def test_every_id_in_a_path_is_known_to_the_instance(instance: Instance, document: Any) -> None:
    paths = "".join(document.raw_schema["paths"])
    assert set(re.findall(r"{(\w+)}", paths)) == set(instance.ids)


def test_without_a_key_the_answer_is_documented_too(instance: Instance, document: Any) -> None:
    for path, operations in document.items():
        for method in operations:
            answer = instance.app.test_client().open(path.replace("{", "").replace("}", ""), method=method)
            assert answer.status_code == 401
            assert set(answer.json) == {"code", "message"}
