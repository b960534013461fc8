"""Custom headers: sent, sealed, and not logged."""

import json

import pytest
from flask import Flask
from sqlalchemy import text, update
from tests.support.draining import drain
from tests.support.receiver import Receiver
from tests.webhooks.support import (
    add_endpoint,
    attempts,
    endpoint,
    happen,
)

from msidp import db
from msidp.vault.fields import cipher
from msidp.webhooks.models import WebhookEndpoint

pytestmark = pytest.mark.database("sqlite")


def test_custom_headers_are_sent_and_not_logged(app: Flask, community_id: str, receiver: Receiver) -> None:
    add_endpoint(community_id, receiver.url(), headers={"Authorization": "Bearer s3cret", "X-Env": "test"})
    happen(community_id)
    drain()
    (request,) = receiver.requests
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["x-env"] == "test"
    logged = attempts()[0].request_headers
    assert "Authorization" in logged
    assert "s3cret" not in logged


@pytest.mark.database("sqlite", "postgresql")
def test_custom_headers_are_encrypted_at_rest(app: Flask, community_id: str) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    endpoint_id = add_endpoint(community_id, "https://example.com/", headers=headers)
    with db.reading() as session:
        stored = session.execute(text("SELECT headers FROM webhook_endpoint")).scalar_one()
    assert stored.startswith("v1.")
    assert "s3cret" not in stored
    assert endpoint(endpoint_id).headers == headers


@pytest.mark.database("sqlite", "postgresql")
def test_custom_headers_open_in_their_own_row_alone(app: Flask, community_id: str) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    mine = add_endpoint(community_id, "https://example.com/", headers=headers)
    other = add_endpoint(community_id, "https://example.com/")
    with db.transaction() as session:
        session.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == other)
            .values(sealed_headers=endpoint(mine).sealed_headers)
        )
    assert endpoint(mine).headers == headers
    assert endpoint(other).headers == {}


def test_custom_headers_that_the_first_version_sealed_still_open(app: Flask, community_id: str) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    sealed = cipher().seal(json.dumps(headers), "webhook_endpoint.headers")
    assert (
        endpoint(add_endpoint(community_id, "https://example.com/", sealed_headers=sealed)).headers == headers
    )
