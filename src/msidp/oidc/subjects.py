"""The `sub` by which an application knows a member: the member's id, or a pairwise one for its sector.

A pairwise subject is an HMAC of sector and member under a salt of the community (OpenID Connect Core 1.0,
section 8.1): always the same within a sector, and nothing that two sectors could compare. The salt is made
once and never changes; it is sealed at rest. Sessions (`sid`) are renamed in the same way.
"""

import hmac
import secrets
from typing import Any

from flask import current_app
from sqlalchemy import select

from msidp import base64url
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Invalid
from msidp.oidc import service
from msidp.oidc.clients import Client
from msidp.oidc.fitness import check_called, refusal
from msidp.oidc.models import PairwiseSalt
from msidp.outbound.fetch import FetchFailed, fetch_json
from msidp.outbound.urls import OutboundPolicy
from msidp.statements import insert_new
from msidp.vault.fields import cipher


def subject_of(client: Client, member_id: str) -> str:
    """What the member is called towards this client, in every token and answer. Raises CannotOpen."""
    return _as_known_to(client, member_id)


def sid_of(client: Client, session_id: str) -> str:
    """What a session is called towards this client: under its own id two sectors could compare it, and so
    who is in it. Raises CannotOpen.
    """
    return _as_known_to(client, session_id)


def prepare(client: Client) -> None:
    """See that `subject_of` will have what it needs, before anything is given away. Raises CannotOpen."""
    if client.sector is not None:
        _salt()


def check_sector(sector_identifier_uri: str | None, redirect_uris: list[str], policy: OutboundPolicy) -> None:
    """See that the sector's owner counts these redirect URIs as its own (Registration 1.0, section 5).

    Without a sector there is nothing to see. The document is fetched, so no transaction may be open.
    Raises Invalid.
    """
    if sector_identifier_uri is None:
        return
    check_called("sectorIdentifierUri", sector_identifier_uri, policy)
    try:
        published = fetch_json(sector_identifier_uri)
    except FetchFailed as error:
        raise _refusal(f"it cannot be read: {error}") from None
    if not isinstance(published, list):
        raise _refusal("it must publish a JSON array of redirect URIs")
    missing = next((uri for uri in redirect_uris if uri not in published), None)
    if missing is not None:
        raise _refusal(f"what it publishes does not hold {missing[:100]!r}")


def check_sector_after(
    community_id: str, application_id: str, changes: dict[str, Any], policy: OutboundPolicy
) -> None:
    """check_sector() for an application as these changes would leave it. Raises NotFound too."""
    if not {"sector_identifier_uri", "redirect_uris"} & set(changes):
        return
    with reading() as session:
        present = service.get(session, community_id, application_id)
    uri = changes.get("sector_identifier_uri", present.sector_identifier_uri)
    check_sector(uri, changes.get("redirect_uris", present.redirect_uris), policy)


def _as_known_to(client: Client, id_: str) -> str:
    if client.sector is None:
        return id_
    digest = hmac.digest(_salt(), f"{client.sector}\0{id_}".encode(), "sha256")
    return base64url.text(digest)


def _refusal(message: str) -> Invalid:
    return refusal("sectorIdentifierUri", message)


def _salt() -> bytes:
    known: bytes | None = current_app.extensions.get("msidp_pairwise_salt")
    if known is None:
        known = current_app.extensions["msidp_pairwise_salt"] = _read_salt()
    return known


def _read_salt() -> bytes:
    community_id = default_community_id()
    context = f"pairwise_salt:{community_id}"
    statement = select(PairwiseSalt.sealed).where(PairwiseSalt.community_id == community_id)
    with reading() as session:
        sealed = session.scalar(statement)
    if sealed is None:
        values = {
            "community_id": community_id,
            "sealed": cipher().seal(secrets.token_hex(32), context),
        }
        with transaction() as session:
            insert_new(session, PairwiseSalt, values, unique=("community_id",))
            sealed = session.scalars(statement).one()
    return bytes.fromhex(cipher().open(sealed, context))
