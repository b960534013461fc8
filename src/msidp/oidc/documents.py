"""Client ID metadata documents (draft-ietf-oauth-client-id-metadata-document-02): a client_id that is an
https URL, where the client publishes what it would otherwise register. MCP clients come so, unannounced.

Off unless a setting says otherwise. The document is read past the guard for outgoing requests and kept as an
application's row for as long as HTTP caching allows, within bounds; an error is never kept. Such a client has
no secret, always uses PKCE, and its members are always asked, on a page that names its host.
"""

import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask
from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from msidp import canonical, clock
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.errors import Invalid
from msidp.oidc import clients, kinds, service
from msidp.oidc.clients import Client, client_of
from msidp.oidc.models import Application, Consent, Grant
from msidp.oidc.registration import metadata
from msidp.oidc.registration import service as registration
from msidp.oidc.registration.metadata import Refused, Registration
from msidp.outbound.fetch import Document, FetchFailed, fetch_document
from msidp.outbound.urls import OutboundPolicy, check_url
from msidp.settings import Settings
from msidp.statements import delete_some

MAX_SIZE = 5_120  # bytes (section 8.7)
MAX_URL = 500  # characters
SHORTEST, LONGEST, USUAL = 5 * clock.MINUTE, clock.DAY, clock.HOUR  # how long a document is kept
STALE = clock.DAY  # how long a known client goes on while its document cannot be read
RETRY = clock.MINUTE
MAX_FETCHES = 4  # at once: whoever asks meanwhile is told that there is no such client
MAX_NEW = 200  # clients an hour that nobody knew before
MAX_FAILURES = 1000  # remembered
UNUSED = clock.DAY  # after which a client that got no grant is forgotten

_OF_NO_USE = "a client ID metadata document is of no use"
_METHODS = ("none", "private_key_jwt")
_SECRETS = ("client_secret", "client_secret_expires_at")
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})")

log = structlog.get_logger(__name__)


class Unusable(Exception):
    """There is no client at this URL. The text says why, for the log."""


class Documents:
    """Finds clients by URL. Threads share it."""

    def __init__(self, policy: OutboundPolicy) -> None:
        self._policy = policy
        self._turns = threading.Semaphore(MAX_FETCHES)
        self._failed: dict[str, int] = {}

    def find(self, url: str) -> Client | None:
        """The client that this URL describes. May wait for its site; no transaction may be open."""
        if not is_client_id(url, self._policy):
            if url.startswith("https://"):  # meant as one; what else is unknown is no business of this log
                log.warning(_OF_NO_USE, client_id=url[:MAX_URL], reason="no URL like this may be a client_id")
            return None
        with reading() as session:
            known = _find(session, url)
        now = clock.now()
        if known is not None and (known.document_expires_at or 0) > now:
            return client_of(known)
        if now - self._failed.get(url, 0) >= RETRY and self._turns.acquire(blocking=False):
            try:
                return client_of(self._read(url))
            except Unusable as reason:
                log.warning(_OF_NO_USE, client_id=url, reason=str(reason))
                self._note_failure(url, now)
            finally:
                self._turns.release()
        if known is not None and now - (known.document_read_at or 0) < STALE:
            return client_of(known)
        return None

    def _read(self, url: str) -> Application:
        try:
            document = fetch_document(url, accept="application/json", max_body=MAX_SIZE + 1)
            asked = registration.read(_checked(document, url), self._policy, default_method="none")
            _check_kind(asked)
            return _keep(url, asked, lifetime(document.headers), self._policy)
        except (FetchFailed, Refused) as error:
            raise Unusable(str(error)) from None

    def _note_failure(self, url: str, now: int) -> None:
        if len(self._failed) >= MAX_FAILURES:
            self._failed.clear()
        self._failed[url] = now


def init_app(app: Flask, settings: Settings) -> None:
    """Let URLs be client ids, where the setting says so."""
    if settings.client_id_metadata_documents:
        clients.clients_of(app).by_url = Documents(OutboundPolicy.of(settings)).find


def is_client_id(url: str, policy: OutboundPolicy) -> bool:
    """Whether this URL may be a client_id (section 3): https, with a path, and only one way to write it.

    A query, which the draft advises against, is refused: it would make a thousand clients of one document.
    """
    try:
        check_url(url, policy)
    except Invalid:
        return False
    parts = urlsplit(url)
    segments = parts.path.lower().replace("%2e", ".").split("/")
    return (
        len(url) <= MAX_URL
        and parts.scheme == "https"
        and len(parts.path) > 1
        and "?" not in url
        and not {".", ".."}.intersection(segments)
        and parts.netloc == parts.netloc.lower()
    )


def lifetime(headers: Mapping[str, str]) -> int:
    """How long a document is kept, in milliseconds, by its Cache-Control (RFC 9111) and within bounds."""
    control = headers.get("cache-control", "").lower()
    if "no-store" in control or "no-cache" in control:
        return SHORTEST
    found = _MAX_AGE.search(control)
    return min(max(int(found[1]) * clock.SECOND, SHORTEST), LONGEST) if found else USUAL


def purge_unused(session: Session, now: int) -> int:
    """Forget some of the clients by URL that were looked at and got no grant. Returns how many."""
    used = exists().where(Grant.application_id == Application.id) | exists().where(
        Consent.application_id == Application.id
    )
    return delete_some(session, Application, (Application.document_read_at <= now - UNUSED) & ~used)


def _checked(document: Document, url: str) -> dict[str, Any]:
    """The metadata of a document that is one (sections 4 and 8.1). Raises Unusable."""
    media_type = document.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Unusable("its Content-Type is not JSON")
    if len(document.body) > MAX_SIZE:
        raise Unusable(f"larger than {MAX_SIZE:,} bytes")
    try:
        given = canonical.loads(document.body)
    except ValueError:
        raise Unusable("not JSON") from None
    if not isinstance(given, dict):
        raise Unusable("not a JSON object")
    if given.get("client_id") != url:
        raise Unusable("its client_id is not its URL, letter for letter")
    if any(name in given for name in _SECRETS):
        raise Unusable("it holds a secret")
    if given.get("token_endpoint_auth_method", "none") not in _METHODS:
        raise Unusable(f"its token_endpoint_auth_method is not {' or '.join(_METHODS)}")
    return given


def _check_kind(asked: Registration) -> None:
    if not kinds.KINDS[asked.type].has_members:
        raise Unusable("it has no members to sign in")


def _keep(url: str, asked: Registration, kept_for: int, policy: OutboundPolicy) -> Application:
    """Write what the document says to the client's row. Raises Unusable."""
    try:
        with transaction() as session:
            application = _find(session, url) or _new(session, url, asked, policy)
            application.type = asked.type
            values = kinds.defaults(asked.type)
            changes = {name: values[name] for name in metadata.COLUMNS} | asked.fields
            service.update(
                session, application, {**changes, "name": asked.name, "require_pkce": True}, policy
            )
            application.document_read_at = clock.now()
            application.document_expires_at = application.document_read_at + kept_for
            session.flush()
            return application
    except Invalid as problem:
        raise Unusable(problem.message) from None
    except IntegrityError:
        raise Unusable("another request was reading it too") from None


def _new(session: Session, url: str, asked: Registration, policy: OutboundPolicy) -> Application:
    lately = select(func.count()).where(
        Application.document_read_at.is_not(None), Application.created_at > clock.now() - clock.HOUR
    )
    if (session.scalar(lately) or 0) >= MAX_NEW:
        raise Unusable(f"{MAX_NEW} new clients came within an hour")
    fields = {**asked.fields, "require_pkce": True}
    application, _ = service.create(session, default_community_id(), asked.name, asked.type, fields, policy)
    application.client_id = url
    return application


def _find(session: Session, url: str) -> Application | None:
    return session.scalar(select(Application).where(Application.client_id == url))
