"""Members to work on, jobs that are asked for, and what became of them."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, select

from msidp import db
from msidp.webhooks.models import Event


def make(admin: FlaskClient, count: int, prefix: str = "m") -> list[str]:
    bodies = [{"email": f"{prefix}{number}@example.com"} for number in range(count)]
    return [admin.post("/members", json=body).json["data"]["id"] for body in bodies]


def ask(admin: FlaskClient, **body: Any) -> str:
    answer = admin.post("/members/bulk", json=body)
    assert answer.status_code == 200, answer.json
    return str(answer.json["data"]["id"])


def shown(admin: FlaskClient, job_id: str) -> dict[str, Any]:
    return dict(admin.get(f"/jobs/{job_id}").json["data"])


def counts(admin: FlaskClient, job_id: str) -> tuple[str, int, int, int]:
    found = shown(admin, job_id)
    return found["state"], found["changed"], found["unchanged"], found["failed"]


def events(type_: str) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Event).where(Event.type == type_)) or 0
