"""/account/applications: the applications a member is connected to, and an end to each connection."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, redirect
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from msidp import clock
from msidp.accounts import trail
from msidp.accounts.guard import require_member
from msidp.accounts.own import data_routes
from msidp.accounts.pages import check_origin, page, page_again
from msidp.db import reading, transaction
from msidp.errors import Problem
from msidp.members.models import Member
from msidp.oidc import scopes
from msidp.oidc.models import Application, Consent, Grant

PATH = "/account/applications"

bp = Blueprint("connections", __name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """An application that the member has let in: what it may do, and since when (milliseconds)."""

    application_id: str
    name: str
    scopes: list[str]
    since: int

    @property
    def permissions(self) -> list[str]:
        """Its scopes in the words of the consent page."""
        return [scopes.MEMBER_SCOPES.get(scope, scope) for scope in self.scopes]


def init_app(app: Flask) -> None:
    """Install the page, and its part of what members export."""
    app.register_blueprint(bp)
    data_routes.add_section(app, "applications", _export)


@bp.get(PATH)
def show() -> str:
    return page("applications", connections=_list(require_member(PATH)))


@bp.post(f"{PATH}/<application_id>/disconnect")
def disconnect(application_id: str) -> Response:
    """Forget the consent and end every token that the application has of the member."""
    member = require_member(PATH)
    connections = _list(member)
    try:
        check_origin()
    except Problem as problem:
        return page_again("applications", problem, connections=connections)
    for connection in connections:
        if connection.application_id == application_id:
            with transaction() as session:
                end(session, member.id, application_id)
                trail.note(
                    session, member.id, "application.disconnected", application_id, name=connection.name
                )
    return redirect(PATH, 303)


def list_of(session: Session, member_id: str) -> list[Connection]:
    """The member's connections, by name: consented to, or with a grant that still stands."""
    consents = select(Consent.application_id, Consent.scopes, Consent.granted_at).where(
        Consent.member_id == member_id
    )
    allowed = {row.application_id: (list(row.scopes), row.granted_at) for row in session.execute(consents)}
    live = (
        select(Grant.application_id, Grant.scope, func.min(Grant.created_at).label("since"))
        .where(Grant.member_id == member_id, Grant.revoked_at.is_(None), Grant.expires_at > clock.now())
        .group_by(Grant.application_id, Grant.scope)
    )
    for row in session.execute(live):
        known, since = allowed.get(row.application_id, ([], row.since))
        together = list(dict.fromkeys([*known, *scopes.split(row.scope)]))
        allowed[row.application_id] = together, min(since, row.since)
    applications = session.execute(
        select(Application.id, Application.name)
        .where(Application.id.in_(allowed))
        .order_by(Application.name, Application.seq)
    )
    return [Connection(row.id, row.name, *allowed[row.id]) for row in applications]


def end(session: Session, member_id: str, application_id: str) -> None:
    """End the connection: at its next sign-in the application asks anew."""
    session.execute(
        delete(Consent).where(Consent.member_id == member_id, Consent.application_id == application_id)
    )
    session.execute(
        update(Grant)
        .where(
            Grant.member_id == member_id, Grant.application_id == application_id, Grant.revoked_at.is_(None)
        )
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def _list(member: Member) -> list[Connection]:
    with reading() as session:
        return list_of(session, member.id)


def _export(session: Session, member_id: str) -> Iterator[Any]:
    for each in list_of(session, member_id):
        yield {"name": each.name, "scopes": each.scopes, "since": clock.iso(each.since)}
