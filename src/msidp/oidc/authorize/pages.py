"""What an authorization request shows the member: consent, and the choice of an account."""

from typing import Any
from urllib.parse import urlsplit

from flask import render_template

from msidp import web
from msidp.accounts.browser import current_member, login_url
from msidp.oidc import redirects, scopes
from msidp.oidc.authorize.sealed import Waiting
from msidp.oidc.clients import Client
from msidp.words import words


def consent(client: Client, waiting: Waiting, path: str, allowed: frozenset[str]) -> str:
    """Ask whether the application may have what it wants. `path` is where the request goes on.

    What is in `allowed` the member has allowed before; the page tells it from what is new.
    """
    wanted = waiting.request.consent_scopes
    return _page(
        "consent",
        client,
        waiting,
        path,
        permissions=[scopes.MEMBER_SCOPES[scope] for scope in wanted if scope not in allowed],
        former=[scopes.MEMBER_SCOPES[scope] for scope in wanted if scope in allowed],
        links=_links(client),
    )


def account(client: Client, waiting: Waiting, path: str) -> str:
    """Ask who goes on to the application (OpenID Connect Core 1.0, section 3.1.2.1, `select_account`)."""
    return _page("account", client, waiting, path)


def _page(name: str, client: Client, waiting: Waiting, path: str, **context: Any) -> str:
    web.let_forms_lead_away()
    return render_template(
        f"oidc/{name}.html",
        application=client.shown_name,
        logo=f"/logos/{client.client_id}" if client.logo_uri and not client.host else None,
        host=client.host,
        site=_site(waiting.request.redirect_uri),
        token=waiting.token,
        member=current_member(),
        another_login=login_url(path, login_hint=""),
        here=path,
        **context,
    )


def _site(redirect_uri: str) -> str | None:
    """The host that the answer goes to; None for an application on the member's own device."""
    host = urlsplit(redirect_uri).hostname if redirects.origin(redirect_uri) else None
    return None if host in redirects.LOOPBACK_HOSTS else host


def _links(client: Client) -> dict[str, str]:
    """What the application says of itself elsewhere: addresses on the web alone."""
    named = {words("Privacy policy"): client.policy_uri, words("Terms of service"): client.tos_uri}
    return {text: uri for text, uri in named.items() if uri and uri.startswith(("https://", "http://"))}
