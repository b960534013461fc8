"""GET /healthz and /readyz, for supervisors and load balancers."""

from typing import Any

from flask import Blueprint

from msidp.ops import checks

bp = Blueprint("ops", __name__)
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
