"""Applications as the protocol sees them: clients, read once and kept for a moment.

A change made in this process shows at once, one made in another within `FRESH`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import bindparam, select

from msidp import clock
from msidp.communities.guard import default_community_id
from msidp.db import core_reading
from msidp.oidc import redirects
from msidp.oidc.kinds import FAPI2, KINDS
from msidp.oidc.models import Application
from msidp.prepared import Prepared
from msidp.present import present_app

FRESH = clock.SECOND
MAX_KEPT = 1000
_CLIENT_ID = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Client:
    """An application, ready for the protocol. Speaks Authlib's ClientMixin as far as its grants ask.

    What its type and its security profile demand is in the `require_…` fields as well. Lifetimes are in
    milliseconds. `sector` is the host that pairwise subjects are made for, None for public subjects.
    """

    application_id: str
    client_id: str
    name: str
    public: bool
    native: bool
    fapi: bool
    auth_method: str
    secret_hash: str | None
    previous_secret: tuple[str, int] | None  # its hash, and the moment it ends
    jwks: dict[str, Any] | None
    jwks_uri: str | None
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    backchannel_logout_uri: str | None
    backchannel_logout_session_required: bool
    grant_types: frozenset[str]
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    skip_consent: bool
    require_pkce: bool
    require_par: bool
    require_dpop: bool
    sector: str | None
    id_token_alg: str
    access_token_alg: str
    access_token_lifetime: int
    id_token_lifetime: int
    refresh_token_lifetime: int
    refresh_token_grace: int
    client_uri: str | None
    logo_uri: str | None
    policy_uri: str | None
    tos_uri: str | None

    @property
    def host(self) -> str | None:
        """Of a client whose id is a URL, the host that vouches for it."""
        return urlsplit(self.client_id).hostname if self.client_id.startswith("https://") else None

    @property
    def shown_name(self) -> str:
        """What pages call it. A name that nobody has looked at stands beside the host that vouches for it."""
        return f"{self.name} ({self.host})" if self.host else self.name

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use this grant (asked by Authlib's grants)."""
        return grant_type in self.grant_types

    def allows_redirect(self, uri: str) -> bool:
        """Whether an authorization response may go to this URI."""
        return redirects.matches(uri, self.redirect_uris, native=self.native)

    def is_assured_at(self, redirect_uri: str) -> bool:
        """Whether what is sent to this URI serves nobody but the client.

        Others prove who they are, or are where only their site's owner could put them. Of a native one any
        program on the member's device can send the client id, and listen on loopback or take its scheme;
        a claimed https address is the application's own (RFC 8252, section 8.6).
        """
        return not self.native or redirect_uri.startswith("https://")

    def allowed(self, scopes: list[str]) -> list[str]:
        """Of these scopes, those it may have."""
        return [scope for scope in scopes if scope in self.scopes]


class Clients:
    """The clients of the default community that were asked for lately, and the origins of all."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, Client]] = {}
        self._origins: tuple[int, frozenset[str]] | None = None
        self.by_url: Callable[[str], Client | None] = _nobody  # see `documents`

    def find(self, client_id: str) -> Client | None:
        """The client with this id."""
        now = clock.now()
        kept = self._kept.get(client_id)
        if kept is not None and 0 <= now - kept[0] < FRESH:
            return kept[1]
        if client_id.startswith("https://"):
            client = self.by_url(client_id)
        elif _CLIENT_ID.fullmatch(client_id):
            client = _read(client_id)
        else:
            return None
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        if client is None:
            self._kept.pop(client_id, None)
        else:
            self._kept[client_id] = (now, client)
        return client

    def has_origin(self, origin: str) -> bool:
        """Whether pages of this origin belong to an application (by its redirect URIs)."""
        now = clock.now()
        if self._origins is None or not 0 <= now - self._origins[0] < FRESH:
            self._origins = (now, _read_origins())
        return origin in self._origins[1]

    def forget(self) -> None:
        """Read everything anew."""
        self._kept.clear()
        self._origins = None


def _nobody(_url: str) -> None:
    return None


def init_app(app: Flask) -> None:
    """Give the application its clients."""
    app.extensions["msidp_clients"] = Clients()


def clients_of(app: Flask) -> Clients:
    """An application's clients."""
    found: Clients = app.extensions["msidp_clients"]
    return found


def clients() -> Clients:
    """This application's clients."""
    return clients_of(present_app())


def forget_all() -> None:
    """Read every client anew, after one has changed."""
    clients().forget()


_table: Any = Application.__table__
_BY_CLIENT_ID = Prepared(
    select(_table).where(
        _table.c.community_id == bindparam("community_id"), _table.c.client_id == bindparam("client_id")
    )
)
_REDIRECT_URIS = Prepared(
    select(_table.c.redirect_uris).where(_table.c.community_id == bindparam("community_id"))
)


def _read(client_id: str) -> Client | None:
    parameters = {"community_id": default_community_id(), "client_id": client_id}
    with core_reading() as connection:
        row = connection.one(_BY_CLIENT_ID, parameters)
    if row is None:
        return None
    return client_of(row)


def client_of(row: Any) -> Client:
    """The client behind a row of the table, or behind an Application."""
    kind = KINDS[row.type]
    fapi = row.security_profile == FAPI2
    return Client(
        application_id=row.id,
        client_id=row.client_id,
        name=row.name,
        public=kind.public,
        native=kind.native,
        fapi=fapi,
        auth_method=row.token_endpoint_auth_method,
        secret_hash=row.secret_hash,
        previous_secret=row.previous_secret_hash
        and (row.previous_secret_hash, row.previous_secret_expires_at),
        jwks=row.jwks,
        jwks_uri=row.jwks_uri,
        redirect_uris=row.redirect_uris,
        post_logout_redirect_uris=row.post_logout_redirect_uris,
        backchannel_logout_uri=row.backchannel_logout_uri,
        backchannel_logout_session_required=row.backchannel_logout_session_required,
        grant_types=frozenset(row.grant_types),
        scopes=tuple(row.scopes),
        resources=tuple(row.resources),
        skip_consent=row.skip_consent,
        require_pkce=row.require_pkce or kind.public or fapi,
        require_par=row.require_pushed_authorization_requests or fapi,
        require_dpop=row.dpop_bound_access_tokens or fapi,
        sector=_sector(row) if row.subject_type == "pairwise" else None,
        id_token_alg=row.id_token_signed_response_alg,
        access_token_alg=row.access_token_signing_alg,
        access_token_lifetime=row.access_token_lifetime * clock.SECOND,
        id_token_lifetime=row.id_token_lifetime * clock.SECOND,
        refresh_token_lifetime=row.refresh_token_lifetime * clock.SECOND,
        refresh_token_grace=row.refresh_token_grace * clock.SECOND,
        client_uri=row.client_uri,
        logo_uri=row.logo_uri,
        policy_uri=row.policy_uri,
        tos_uri=row.tos_uri,
    )


def _sector(row: Any) -> str:
    """The host that stands for all places the subject is used at (OpenID Connect Core 1.0, section 8.1)."""
    return urlsplit(row.sector_identifier_uri or row.redirect_uris[0]).hostname or ""


def _read_origins() -> frozenset[str]:
    parameters = {"community_id": default_community_id()}
    with core_reading() as connection:
        rows = connection.all(_REDIRECT_URIS, parameters)
    found = (redirects.origin(uri) for row in rows for uri in row.redirect_uris)
    return frozenset(origin for origin in found if origin)
