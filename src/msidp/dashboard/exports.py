"""Lists as files: members, deliveries, the audit log, as they are filtered on their pages."""

from typing import cast

from flask import request
from werkzeug.wrappers import Response

from msidp import exports
from msidp.audit import service as audit
from msidp.audit import views as audit_views
from msidp.dashboard import audit_log, deliveries, members
from msidp.dashboard.frame import actor, bp, may, needs, operator, proof_owed
from msidp.db import reading, transaction
from msidp.errors import Forbidden
from msidp.exports import Format
from msidp.members import transfer
from msidp.webhooks.views import EXPORT as DELIVERIES


@bp.get("/members/export")
@needs("admin")
def export_members() -> Response:
    """Those that the search finds. Password hashes go to owners alone, who ask for them, with a proof."""
    hashes = request.args.get("hashes") == "1"
    if hashes and not may("owner"):
        raise Forbidden("forbidden", "Only owners export password hashes.")
    if hashes and (elsewhere := proof_owed(operator(), members.PATH)):
        return elsewhere
    with reading() as session:
        wanted = members.conditions(session, members.asked_for(request.args))
    _note("members.exported", passwordHashes=hashes)
    return exports.answer(transfer.export(hashes=hashes), wanted, _format())


@bp.get("/deliveries/export")
@needs("admin")
def export_deliveries() -> Response:
    """What fits the filter, without attempts."""
    with reading() as session:
        wanted = deliveries.asked_for(session, request.args).conditions(session)
    _note("deliveries.exported")
    return exports.answer(DELIVERIES, wanted, _format())


@bp.get("/audit-log/export")
@needs("admin")
def export_audit_log() -> Response:
    """What fits the filter."""
    _note("audit_log.exported")
    wanted = audit_log.conditions(audit_log.asked_for(request.args))
    return exports.answer(audit_views.EXPORT, wanted, _format())


def _format() -> Format:
    asked = request.args.get("format")
    return cast("Format", asked) if asked in exports.MEDIA_TYPES else "csv"


def _note(action: str, **details: bool) -> None:
    with transaction() as session:
        audit.record(session, actor(), action, None, {"format": _format(), **details})
