"""The audit log: who did what, from where."""

from collections.abc import Mapping

from flask import request
from sqlalchemy import ColumnElement, select
from werkzeug.wrappers import Response

from msidp.audit.models import AuditEntry
from msidp.communities.models import ApiKey
from msidp.dashboard.frame import bp, operator, page
from msidp.dashboard.listing import listing
from msidp.db import reading
from msidp.operators.models import Operator

ACTORS = {
    "operator": "Operators",
    "api_key": "API keys",
    "command_line": "The command line",
    "member": "Members",
    "system": "The system",
}


@bp.get("/audit-log")
def audit_log() -> Response:
    """What was done, newest first; `actor` and `target` narrow it."""
    community_id, keep = operator().community_id, asked_for(request.args)
    with reading() as session:
        found = listing(session, AuditEntry, conditions(keep))
        people = select(Operator.id, Operator.name).where(Operator.community_id == community_id)
        used = {entry.actor_id for entry in found.rows if entry.actor_type == "api_key"}
        keys = select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(used))
        names = dict(tuple(row) for row in (*session.execute(people), *session.execute(keys)))
    return page("audit_log", found=found, names=names, keep=keep, actors=ACTORS)


def asked_for(given: Mapping[str, str]) -> dict[str, str]:
    """The filter that these parameters describe."""
    return {name: value for name in ("actor", "target") if (value := given.get(name, "").strip()[:100])}


def conditions(keep: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The entries that fit."""
    found = [AuditEntry.community_id == operator().community_id]
    if keep.get("actor") in ACTORS:
        found.append(AuditEntry.actor_type == keep["actor"])
    if "target" in keep:
        found.append(AuditEntry.target_id == keep["target"])
    return found
