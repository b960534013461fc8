"""Members and plans through the Admin API, for tests of it."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from msidp import db
from msidp.webhooks.models import Event


def create(admin: FlaskClient, email: str = "ann@example.com", **fields: Any) -> dict[str, Any]:
    answer = admin.post("/members", json={"email": email, **fields})
    assert answer.status_code == 200, answer.json
    assert answer.json is not None
    data: dict[str, Any] = answer.json["data"]
    return data


def plan(admin: FlaskClient, name: str = "Gold", **fields: Any) -> str:
    answer = admin.post("/plans", json={"name": name, **fields})
    assert answer.json is not None
    plan_id: str = answer.json["data"]["id"]
    return plan_id


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code of an error answer, whose form it checks."""
    assert set(answer.json) <= {"code", "message", "details"}
    assert answer.json["message"]
    return answer.status_code, answer.json["code"]


def event_types() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Event.type).order_by(Event.seq)))
