"""What the tests of the Admin API's webhooks share."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select, update

from msidp import db
from msidp.webhooks import outbox
from msidp.webhooks.models import Delivery, WebhookEndpoint

HOOK = {"name": "Shop", "url": "https://hooks.example/msidp", "dialect": "memberpad"}


def create(admin: FlaskClient, **fields: Any) -> dict[str, Any]:
    answer = admin.post("/webhooks", json={**HOOK, **fields})
    assert answer.status_code == 200, answer.json
    made: dict[str, Any] = answer.json["data"]
    return made


def refusal(answer: Any) -> tuple[int, str]:
    assert set(answer.json) <= {"code", "message", "details"}
    assert answer.json["message"]
    return answer.status_code, answer.json["code"]


def row(id_: str) -> WebhookEndpoint:
    with db.reading() as session:
        return session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == id_)).one()


def publish(community_id: str) -> str:
    with db.transaction() as session:
        return outbox.record(session, community_id=community_id, type="post.published", data={"postId": "p"})


def set_status(delivery_id: str, status: str, **values: Any) -> None:
    with db.transaction() as session:
        session.execute(
            update(Delivery).where(Delivery.id == delivery_id).values({"status": status, **values})
        )


def deliveries(admin: FlaskClient, webhook_id: str, query: str = "") -> list[dict[str, Any]]:
    answer = admin.get(f"/webhooks/{webhook_id}/deliveries{query}")
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["data"]
    return found
