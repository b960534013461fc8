"""Operators: who runs the community, in which role; invitations."""

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from msidp.communities import service as communities
from msidp.communities.roles import MEANING, ROLES, Role
from msidp.dashboard.frame import HOME, actor, again, asks_proof, bp, done, isolated, needs, operator, page
from msidp.db import reading, transaction
from msidp.errors import Conflict, Invalid, Problem
from msidp.operators import administration, factors, service
from msidp.operators.links import setup_link

PATH = f"{HOME}/operators"
KEYS = f"{HOME}/api-keys"


@bp.get("/operators")
@needs("owner")
def operators() -> Response:
    """Who runs the community, and who is invited."""
    return _page()


@bp.post("/operators/invitations")
@needs("owner")
@asks_proof(PATH)
def invite_operator() -> Response:
    """Invite somebody by mail; the page shows the link this once too."""
    email = request.form.get("email", "").strip()
    who = operator()
    try:
        role = _role()
        with transaction() as session:
            made = administration.invite(session, actor(), email, role, inviter=who.name)
    except Problem as problem:
        return _page(problem=problem, email=email[:320])
    return _page(made=made, link=setup_link(made.token))


@bp.post("/operators/invitations/<invitation_id>/withdraw")
@needs("owner")
@asks_proof(PATH)
def withdraw_invitation(invitation_id: str) -> Response:
    """Make an invitation's link useless."""
    with transaction() as session:
        administration.withdraw(session, actor(), invitation_id)
    return done("The invitation is withdrawn.", PATH)


@bp.post("/operators/<operator_id>/role")
@needs("owner")
@asks_proof(PATH)
def change_role(operator_id: str) -> Response:
    """Give an operator another role."""
    try:
        role = _role()
        with transaction() as session:
            changed = administration.change_role(session, actor(), operator_id, role)
            message = f"{isolated(changed.name)} is {role} now."
    except Problem as problem:
        return _page(problem=problem)
    return done(message, PATH)


@bp.post("/operators/<operator_id>/remove")
@needs("owner")
@asks_proof(PATH)
def remove_operator(operator_id: str) -> Response:
    """Remove an operator, and sign them out everywhere. Keys they made stay; the page of these is next."""
    try:
        with transaction() as session:
            removed = administration.remove(session, actor(), operator_id)
            message = f"{isolated(removed.name)} is no operator any more."
            keys = communities.keys_by_maker(session, removed.community_id).get(operator_id, 0)
    except Problem as problem:
        return _page(problem=problem)
    if keys:
        left = "An API key they made still works" if keys == 1 else f"{keys} API keys they made still work"
        return done(f"{message} {left}: revoke here what they may have kept.", KEYS)
    return done(message, PATH)


@bp.post("/operators/<operator_id>/reset-factors")
@needs("owner")
@asks_proof(PATH)
def reset_operator_factors(operator_id: str) -> Response:
    """Take the second factor off an operator who has lost it, and sign them out."""
    try:
        with transaction() as session:
            found = administration.reset_factors(session, actor(), operator_id)
            message = f"{isolated(found.name)} signs in by password alone until they set up a second factor."
    except Problem as problem:
        return again(problem, _page)
    return done(message, PATH)


@bp.post("/operators/second-factor")
@needs("owner")
@asks_proof(PATH)
def require_second_factor() -> Response:
    """Ask every operator for a second factor, or no longer. Whoever asks it of others has one."""
    who, required = operator(), request.form.get("required") == "1"
    try:
        with transaction() as session:
            if required and not factors.has_any(session, who.operator_id):
                raise Conflict("no-factor", "Set up a second factor of your own first, on your account page.")
            administration.require_second_factor(session, actor(), required)
    except Problem as problem:
        return _page(problem=problem)
    if required:
        return done("Operators without a second factor set one up before they go on.", PATH)
    return done("A second factor is up to each operator.", PATH)


def _role() -> Role:
    role = request.form.get("role", "")
    if role not in ROLES:
        raise Invalid("invalid", "Choose a role.", details=[{"field": "role", "message": "Choose a role."}])
    return role


def _page(**context: Any) -> Response:
    with reading() as session:
        found, having = administration.view(session, operator().community_id)
        invitations = service.list_invitations(session, operator().community_id)
        required = service.requires_second_factor(session, operator().community_id)
        keys = communities.keys_by_maker(session, operator().community_id)
    frame: dict[str, Any] = {
        "operators": found,
        "invitations": invitations,
        "having": having,
        "keys": keys,
        "required": required,
        "meaning": MEANING,
        "made": None,
        "email": "",
    }
    return page("operators", **frame | context)
