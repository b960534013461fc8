"""Import members: upload a file, see what would happen, let it happen."""

import json
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from msidp.bulk import importing
from msidp.dashboard.frame import actor, again, bp, done, needs, operator, page
from msidp.dashboard.jobs import PATH as JOBS
from msidp.dashboard.jobs import job_page
from msidp.db import transaction
from msidp.errors import Invalid, Problem
from msidp.incoming import MAX_UPLOAD
from msidp.jobs import service as jobs
from msidp.members.readers import READERS

SOURCES = {
    "csv": "CSV with a header: email, name, verified, role, passwordHash, …",
    "msidp": "msidp: JSON lines of an export",
    "auth0": "Auth0: bulk export",
    "firebase": "Firebase: auth:export",
    "django": "Django: dumpdata auth.user",
    "memberstack": "Memberstack: CSV export",
}


@bp.get("/members/import")
@needs("admin")
def show_import() -> Response:
    return page("members_import", **_frame())


@bp.post("/members/import")
def upload_members() -> Response:
    """Read the file, keep its records, and try them: nobody is made yet."""
    try:
        source = request.form.get("source", "")
        if source not in READERS:
            raise _wrong("source", "Choose where the file is from.")
        content = b""
        if file := request.files.get("file"):
            content = file.read()
            file.close()
        if not content:
            raise _wrong("file", "Choose a file.")
        options = _options()
        with transaction() as session:
            trial = importing.ask(session, actor(), source, content, options)
    except Problem as problem:
        return page("members_import", problem=problem, **_frame() | {"values": request.form})
    return done("The file is read. Nobody is imported yet.", f"{JOBS}/{trial.id}")


@bp.post("/jobs/<job_id>/import")
def import_members(job_id: str) -> Response:
    """Import what was tried."""
    try:
        with transaction() as session:
            trial = jobs.get(session, operator().community_id, job_id, lock=True)
            job = importing.go_ahead(session, actor(), trial)
    except Problem as problem:
        return again(problem, job_page, job_id)
    return done("The import has begun.", f"{JOBS}/{job.id}")


def _options() -> dict[str, Any]:
    """Firebase's hash parameters. Raises Invalid."""
    text = request.form.get("hash_parameters", "").strip()
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _wrong("hash_parameters", "Write them as a JSON object.")
    return found


def _wrong(field: str, message: str) -> Invalid:
    return Invalid("invalid", message, details=[{"field": field, "message": message}])


def _frame() -> dict[str, Any]:
    return {"sources": SOURCES, "megabytes": MAX_UPLOAD // 1_000_000, "values": {}}
