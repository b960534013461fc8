"""Clients that register, and what came of it."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from tests.oidc.conftest import REDIRECT_URI
from werkzeug.test import TestResponse

from msidp import db
from msidp.oidc.models import Application

JWKS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}


def new_token(admin: FlaskClient, **fields: Any) -> str:
    answer = admin.post("/initial-access-tokens", json={"name": "partners", **fields})
    assert answer.status_code == 200, answer.json
    made: str = answer.json["data"]["token"]
    return made


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def send(client: FlaskClient, token: str, **metadata: Any) -> TestResponse:
    body = {"redirect_uris": [REDIRECT_URI], "client_name": "Shop"} | metadata
    return client.post("/register", json=body, headers=bearer(token))


def registered(client: FlaskClient, token: str, **metadata: Any) -> dict[str, Any]:
    answer = send(client, token, **metadata)
    assert answer.status_code == 201, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json
    return found


def refused(answer: TestResponse) -> tuple[str, str]:
    assert answer.status_code == 400, (answer.status_code, answer.text)
    assert set(answer.json) == {"error", "error_description"}
    return answer.json["error"], answer.json["error_description"]


def applications() -> list[Application]:
    with db.reading() as session:
        return list(session.scalars(select(Application)))
