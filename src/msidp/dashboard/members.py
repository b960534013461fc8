"""Members: find, look at, create, change, delete."""

from collections.abc import Mapping
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response

from msidp.audit import service as audit
from msidp.dashboard import member_access
from msidp.dashboard.frame import HOME, actor, again, bp, done, isolated, needs, operator, page
from msidp.dashboard.input import checked, confirmed, json_of, pretty
from msidp.dashboard.listing import listing
from msidp.db import reading, transaction
from msidp.errors import Invalid, NotFound, Problem
from msidp.members import connections, schemas, service
from msidp.members.models import Member
from msidp.members.search import matching
from msidp.members.views import display_name
from msidp.plans.models import Plan
from msidp.plans.service import active_prices
from msidp.vault import passwords
from msidp.webhooks.models import Event

PATH = f"{HOME}/members"
RECENT_EVENTS = 20
SEARCHED = 1_000  # members that a search looks at; whoever finds more types another letter
STATUSES = ("ACTIVE", "TRIALING", "REQUIRES_PAYMENT", "REQUIRES_AUTHENTICATION", "CANCELED")


@bp.get("/members")
def members() -> Response:
    """The newest members, or those that `q` finds: the start of an address, or an id."""
    query = asked_for(request.args)
    with reading() as session:
        wanted = conditions(session, query)
        if query:  # one that finds a million members would sort them all
            wanted = [Member.seq.in_(select(Member.seq).where(*wanted).limit(SEARCHED))]
        found = listing(session, Member, wanted, [selectinload(Member.plan_connections)])
    return page("members", found=found, query=query, display_name=display_name)


def asked_for(given: Mapping[str, str]) -> str:
    """The start of an address, or an id, that was typed into the search."""
    return given.get("q", "").strip()[:320]


def conditions(session: Session, query: str) -> list[ColumnElement[bool]]:
    """The members of the operator's community that this finds; all where nothing is searched for."""
    mine: list[ColumnElement[bool]] = [Member.community_id == operator().community_id]
    return [*mine, matching(session, query)] if query else mine


@bp.get("/members/new")
@needs("admin")
def new_member() -> Response:
    return page("member_new", values={})


@bp.post("/members")
def create_member() -> Response:
    """Make a member; without a password they choose one by mail."""
    try:
        given = {"email": request.form.get("email", "").strip()}
        if password := request.form.get("password"):  # as it was typed: a space at its end is part of it
            given["password"] = password
        name = " ".join(request.form.get("name", "").split())
        body = checked(schemas.MemberInput, {**given, **({"profile": {"name": name}} if name else {})})
        password_hash = passwords.hash_password(body.password) if body.password else None
        with transaction() as session:
            member = service.create_member(
                session,
                operator().community_id,
                email=body.email,
                password_hash=password_hash,
                profile={"name": name} if name else None,
            )
            audit.record(session, actor(), "member.created", member.id)
    except Problem as problem:
        return page("member_new", problem=problem, values=request.form)
    return done(f"{isolated(member.email)} is a member now.", f"{PATH}/{member.id}")


@bp.get("/members/<member_id>")
def member(member_id: str) -> Response:
    """One member, with plans, data, log-ins and what happened."""
    return _page(member_id)


@bp.post("/members/<member_id>")
def change_member(member_id: str) -> Response:
    """Change address, verification, role, name and the three JSON objects, as the Admin API's PATCH does."""
    try:
        fields = _changes()
        with transaction() as session:
            service.update_member(session, operator().community_id, member_id, fields)  # type: ignore[arg-type]  # checked
            audit.record(session, actor(), "member.updated", member_id, {"fields": sorted(fields)})
    except Problem as problem:
        return again(problem, _page, member_id, values=request.form)
    return done("Saved.", f"{PATH}/{member_id}")


@bp.post("/members/<member_id>/plans")
def add_plan(member_id: str) -> Response:
    """Put the member on a free plan."""
    plan_id = request.form.get("plan_id", "")

    def change(session: Session, member: Member) -> str:
        connection = connections.add(session, member, plan_id)
        audit.record(session, actor(), "member.plan_added", member_id, {"planId": plan_id})
        return f"On {connection.plan.name} now."

    return _change_plans(member_id, change)


@bp.post("/members/<member_id>/plans/<connection_id>")
def change_plan(member_id: str, connection_id: str) -> Response:
    """Set the status of a plan connection."""
    status = request.form.get("status", "")

    def change(session: Session, member: Member) -> str:
        if status not in STATUSES:
            raise Invalid("invalid", "Choose a status.")
        connections.update(session, member, connection_id, {"status": status})
        details = {"connectionId": connection_id, "fields": ["status"]}
        audit.record(session, actor(), "member.plan_updated", member_id, details)
        return "Saved."

    return _change_plans(member_id, change)


@bp.post("/members/<member_id>/plans/<connection_id>/remove")
def remove_plan(member_id: str, connection_id: str) -> Response:
    """Take the member off a free plan."""

    def change(session: Session, member: Member) -> str:
        found = next((each for each in member.plan_connections if each.id == connection_id), None)
        if found is None:
            raise NotFound("connection-not-found", "The member is not on this plan any more.")
        connections.remove(session, member, found.plan_id)
        audit.record(session, actor(), "member.plan_removed", member_id, {"planId": found.plan_id})
        return f"Not on {isolated(found.plan.name)} any more."

    return _change_plans(member_id, change)


@bp.post("/members/<member_id>/delete")
def delete_member(member_id: str) -> Response:
    """Delete the member, once the address was typed."""
    try:
        with transaction() as session:
            found = service.lock_member(session, operator().community_id, member_id)
            confirmed(request.form, found.email)
            service.delete_member(session, operator().community_id, member_id)
            audit.record(session, actor(), "member.deleted", member_id)
    except Problem as problem:
        return again(problem, _page, member_id)
    return done("The member is deleted.", PATH)


def _change_plans(member_id: str, change: Any) -> Response:
    try:
        with transaction() as session:
            message = change(session, service.lock_member(session, operator().community_id, member_id))
    except Problem as problem:
        if isinstance(problem, NotFound) and problem.code == "member-not-found":
            raise
        return _page(member_id, problem=problem)
    return done(message, f"{PATH}/{member_id}#plans")


def _changes() -> dict[str, Any]:
    """What the form says, as update_member() takes it. Raises Invalid."""
    form = request.form
    sent = {
        "email": form.get("email", "").strip(),
        "role": form.get("role", "").strip(),
        "customFields": json_of(form, "custom_fields", {}),
        "metaData": json_of(form, "meta_data", {}),
        "json": json_of(form, "json", None),
        "profile": json_of(form, "profile", {}),
    }
    body = checked(schemas.MemberChanges, sent)
    return {
        "email": body.email,
        "role": body.role,
        "verified": form.get("verified") == "1",
        "custom_fields": body.custom_fields,
        "meta_data": body.meta_data,
        "json": body.json_,
        "profile": body.profile.model_dump(exclude_unset=True),
    }


def _page(member_id: str, problem: Problem | None = None, values: Any = None) -> Response:
    community_id = operator().community_id
    with reading() as session:
        found = service.get_member(session, community_id, member_id)
        plans = _joinable(session, found)
        events = list(
            session.scalars(
                select(Event)
                .where(Event.community_id == community_id, Event.member_id == member_id)
                .order_by(Event.seq.desc())
                .limit(RECENT_EVENTS)
            )
        )
        access = member_access.of(session, member_id)
    return page(
        "member",
        problem=problem,
        access=access,
        member=found,
        name=display_name(found),
        plans=plans,
        events=events,
        statuses=STATUSES,
        values=values or _shown(found),
    )


def _joinable(session: Session, member: Member) -> list[Plan]:
    """The plans that the member can be put on: free ones that are not archived."""
    on = {connection.plan_id for connection in member.plan_connections if connection.status != "CANCELED"}
    plans = session.scalars(
        select(Plan)
        .where(Plan.community_id == member.community_id, Plan.status == "ACTIVE")
        .options(selectinload(Plan.prices))
        .order_by(Plan.seq)
    )
    return [plan for plan in plans if plan.id not in on and not active_prices(plan)]


def _shown(found: Member) -> dict[str, Any]:
    """The form as the member stands."""
    return {
        "email": found.email,
        "role": found.role,
        "verified": "1" if found.verified else "",
        "profile": pretty(found.profile),
        "custom_fields": pretty(found.custom_fields),
        "meta_data": pretty(found.meta_data),
        "json": "" if found.json is None else pretty(found.json),
    }
