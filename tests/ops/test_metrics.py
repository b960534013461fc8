"""GET /metrics: what it tells, to whom, and that it never costs a look at the whole log."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event, text, update
from tests.support.draining import drain
from tests.support.ports import free_port
from tests.support.receiver import Answer, Receiver
from tests.webhooks.support import add_endpoint, deliveries, happen

from msidp import clock, db, metrics
from msidp.app import create_app
from msidp.settings import Settings
from msidp.webhooks.models import Delivery

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def overrides() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(settings: Settings, overrides: dict[str, Any]) -> Settings:
    return settings.model_copy(update=overrides)


def scrape(client: FlaskClient, **headers: str) -> Samples:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0)


def test_deliveries_are_counted_and_timed(
    app: Flask, client: FlaskClient, community_id: str, receiver: Receiver
) -> None:
    add_endpoint(community_id, receiver.url("/good"), dialect="memberpad")
    add_endpoint(community_id, receiver.url("/bad"))
    add_endpoint(community_id, receiver.url("/off"), enabled=False)
    receiver.script("/bad", Answer(500))
    happen(community_id, 3)
    drain()
    found = scrape(client)
    assert value(found, "msidp_webhook_attempts_total", dialect="memberpad", result="success") == 3
    assert value(found, "msidp_webhook_attempts_total", dialect="standard", result="http_error") == 3
    assert value(found, "msidp_webhook_deliveries_total", dialect="memberpad", outcome="succeeded") == 3
    assert value(found, "msidp_webhook_deliveries_total", dialect="standard", outcome="exhausted") == 0
    assert value(found, "msidp_webhook_delivery_seconds_count", dialect="memberpad") == 3
    assert value(found, "msidp_webhook_delivery_seconds_bucket", dialect="memberpad", le="+Inf") == 3
    assert value(found, "msidp_webhook_delivery_seconds_bucket", dialect="memberpad", le="60.0") == 3
    assert 0 < value(found, "msidp_webhook_delivery_seconds_sum", dialect="memberpad") < 60
    assert value(found, "msidp_webhook_deliveries_open") == 3
    assert value(found, "msidp_webhook_queue_lag_seconds") == 0
    for state in ("healthy", "failing", "disabled"):
        assert value(found, "msidp_webhook_endpoints", state=state) == 1
    with db.transaction() as session:
        session.execute(
            update(Delivery).where(Delivery.due_at.is_not(None)).values(scheduled_count=4, due_at=clock.now())
        )
    receiver.script("/bad", *[Answer(500)] * 3)
    drain()
    happen(community_id)
    with db.transaction() as session:  # recorded before the clock was set back
        session.execute(update(Delivery).values(created_at=Delivery.created_at + clock.HOUR))
    receiver.script("/bad", Answer(200))
    drain()
    found = scrape(client)
    assert 0 < value(found, "msidp_webhook_delivery_seconds_sum", dialect="memberpad") < 60
    assert value(found, "msidp_webhook_deliveries_total", dialect="standard", outcome="exhausted") == 3
    assert value(found, "msidp_webhook_deliveries_open") == 0


def test_what_waits_and_what_is_in_hand(app: Flask, client: FlaskClient, community_id: str) -> None:
    add_endpoint(community_id, "https://hooks.example/")
    happen(community_id, 4)
    now = clock.now()
    late, held, later, _ = [each.seq for each in deliveries()]
    with db.transaction() as session:
        for seq, values in (
            (late, {"due_at": now - 90_000}),
            (held, {"due_at": now + 20_000, "lease_token": "x"}),
            (later, {"due_at": now + 20_000}),
        ):
            session.execute(update(Delivery).where(Delivery.seq == seq).values(**values))
    found = scrape(client)
    assert 90 <= value(found, "msidp_webhook_queue_lag_seconds") < 120
    assert value(found, "msidp_webhook_deliveries_in_flight") == 1
    assert value(found, "msidp_webhook_deliveries_open") == 4


def test_any_process_tells_of_all(app: Flask, client: FlaskClient, settings: Settings) -> None:
    other = create_app(settings)
    for number in range(3):
        client.get("/healthz")
        other.test_client().get("/healthz")
        other.test_client().open(f"/nothing/{number}", method="BREW")
    with other.app_context():
        metrics.recorder().flush()
        db.dispose()
    found = scrape(client)
    assert value(found, "msidp_http_requests_total", endpoint="ops.healthz", method="GET", status="200") == 6
    assert value(found, "msidp_http_requests_total", endpoint="none", method="other", status="404") == 3
    assert value(found, "msidp_http_request_seconds_count", endpoint="ops.healthz") == 6


def test_counts_wait_for_a_queue_that_is_away(settings: Settings, valkey: Any) -> None:
    away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}"})
    app = create_app(away)
    app.test_client().get("/healthz")
    found = scrape(app.test_client())
    assert (value(found, "msidp_queue_up"), value(found, "msidp_database_up")) == (0, 1)
    with app.app_context():
        recorder = metrics.recorder()
        recorder._client = valkey.client
        assert recorder.totals()[
            metrics.Series("msidp_http_requests", ("ops.healthz", "GET", "200"))
        ] == 1  # fmt: skip
        db.dispose()


@pytest.mark.parametrize("overrides", [{"metrics_token": "t0ken-of-the-metrics"}])
def test_a_token_opens_it(app: Flask) -> None:
    app.extensions["msidp_settings"] = Settings(metrics_token="t0ken-of-the-metrics")
    client = app.test_client()
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "t0ken-of-the-metrics"}):
        answer = client.get("/metrics", headers=given)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert scrape(client, Authorization="Bearer t0ken-of-the-metrics")


def test_without_a_token_it_is_for_this_machine_alone(client: FlaskClient) -> None:
    assert scrape(client)
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 404
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"):
        assert client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 404


def test_logins_are_counted(client: FlaskClient, app: Flask) -> None:
    with app.app_context():
        metrics.count("msidp_logins", "failed")
    assert value(scrape(client), "msidp_logins_total", outcome="failed") == 1


def test_no_query_reads_the_log(app: Flask, client: FlaskClient, community_id: str) -> None:
    """Whatever is asked of `delivery` goes by an index over what is open."""
    add_endpoint(community_id, "https://hooks.example/")
    happen(community_id)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    scrape(client)
    event.remove(Engine, "before_cursor_execute", note)
    about = [(statement, values) for statement, values in asked if "FROM delivery" in statement]
    assert len(about) == 3
    if db.engine_name() != "sqlite":
        return  # its planner goes by statistics, of which an empty table has none
    with db.reading() as session:
        for statement, values in about:
            plan = session.connection().exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values).all()
            lines = " / ".join(str(row[-1]) for row in plan)
            assert re.search(r"INDEX ix_delivery_(endpoint_)?due", lines), lines
        assert session.execute(text("SELECT 1")).scalar() == 1


def test_every_metric_is_documented(client: FlaskClient) -> None:
    answer = client.get("/metrics").text
    told = set(re.findall(r"^# TYPE (\S+) \S+$", answer, re.MULTILINE))
    assert len(told) == 14
    for name in told:
        assert f"`{name}" in PAGE, name
