"""The audit log over the Admin API, and who acts in its routes."""

from typing import Any

from flask import Response, request

from msidp import exports
from msidp.api import Answer, JsonObject, Lines, Page, PageQuery, answers, api, page_json, paginate
from msidp.audit import service
from msidp.audit.models import AuditEntry
from msidp.audit.service import Actor
from msidp.audit.views import EXPORT, entry_json
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction

bp = AdminBlueprint("audit", __name__)


class AuditActor(Answer):
    type: str
    id: str | None
    address: str | None
    user_agent: str | None


class AuditLogEntry(Answer):
    """What was done. `memberId` is whose account it is about.

    Refused log-ins share one entry for each account, action and quarter of an hour: `count` says how many
    there were, `lastAt` when the latest.
    """

    id: str
    at: str
    last_at: str
    count: int
    action: str
    actor: AuditActor
    target_id: str | None
    member_id: str | None
    details: JsonObject


def key_holder() -> Actor:
    """Who holds the secret key, or sits at the command line, as the actor of what this request does."""
    who = caller()
    if who.key_id is None:
        return Actor(who.community_id, "command_line", who.user)
    return Actor(who.community_id, "api_key", who.key_id, request.remote_addr)


@bp.get("/audit-log")
@api.validate(resp=answers(Page[AuditLogEntry]), tags=["audit log"])
def list_entries(query: PageQuery) -> dict[str, Any]:
    """List what was done, oldest first unless `order` says otherwise."""
    with reading() as session:
        mine = AuditEntry.community_id == caller().community_id
        rows, frame = paginate(session, AuditEntry, [mine], query)
        return page_json(rows, frame, entry_json)


@bp.get("/audit-log/export")
@api.validate(resp=answers(Lines), tags=["audit log"])
def export_entries(query: exports.ExportQuery) -> Response:
    """Export the audit log, oldest entries first."""
    with transaction() as session:
        service.record(session, key_holder(), "audit_log.exported", None, {"format": query.format})
    mine = AuditEntry.community_id == caller().community_id
    return exports.answer(EXPORT, [mine], query.format)
