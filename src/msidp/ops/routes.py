"""GET /healthz and /readyz, for supervisors and load balancers; GET /metrics, for Prometheus."""

import hmac
import ipaddress
from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST

from msidp.errors import Unauthorized
from msidp.ops import checks, exposition
from msidp.settings import Settings

bp = Blueprint("ops", __name__)
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")  # a proxy's
ADVISORY = {"queue"}  # without it everything is answered, deliveries wait


@bp.get("/healthz")
def healthz() -> dict[str, Any]:
    """This process is alive. Asks nobody else."""
    return {"status": "alive"}


@bp.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Whether requests should be sent here: 200 `ready` or `degraded`, 503 `unavailable`.

    A missing queue is `degraded`: members sign in as before, and their events wait in the database. All
    machines would lose it at once, so that a 503 would take the site down where nothing but time is lost.
    """
    found = checks.ready()
    failing = {check.name for check in found if not check.ok}
    status = "unavailable" if failing - ADVISORY else "degraded" if failing else "ready"
    body = {
        "status": status,
        "checks": {check.name: {"ok": check.ok, "message": check.message} for check in found},
    }
    return body, 503 if status == "unavailable" else 200


@bp.get("/metrics")
def metrics() -> Response:
    """Metrics in Prometheus' text format, for holders of MSIDP_METRICS_TOKEN.

    Without a token set they are for this machine alone, and for no proxy on it: to others there is nothing
    here.
    """
    settings: Settings = current_app.extensions["msidp_settings"]
    if settings.metrics_token is not None:
        _require_token(settings.metrics_token.get_secret_value())
    elif not _comes_from_this_machine():
        abort(404)
    return Response(exposition.exposition(), content_type=CONTENT_TYPE_LATEST)


def _require_token(token: str) -> None:
    expected = f"Bearer {token}".encode()
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(expected, given):
        message = "Send MSIDP_METRICS_TOKEN as a bearer token."
        raise Unauthorized("unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def _comes_from_this_machine() -> bool:
    forwarded = any(name in request.headers for name in FORWARDED)
    try:
        return not forwarded and ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
