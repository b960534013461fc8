"""What an authorization request shows the member: consent, and the choice of an account."""

from flask import render_template

from msidp import web
from msidp.accounts.browser import current_member, login_url
from msidp.oidc import scopes
from msidp.oidc.authorize.sealed import Waiting
from msidp.oidc.clients import Client


def consent(client: Client, waiting: Waiting, path: str) -> str:
    """Ask whether the application may have what it wants. `path` is where the request goes on."""
    web.let_forms_lead_away()
    return render_template(
        "oidc/consent.html",
        application=client.name,
        token=waiting.token,
        member=current_member(),
        another_login=login_url(path, login_hint=""),
        permissions=[scopes.MEMBER_SCOPES[scope] for scope in waiting.request.consent_scopes],
    )


def account(client: Client, waiting: Waiting, path: str) -> str:
    """Ask who goes on to the application (OpenID Connect Core 1.0, section 3.1.2.1, `select_account`)."""
    web.let_forms_lead_away()
    return render_template(
        "oidc/account.html",
        application=client.name,
        token=waiting.token,
        member=current_member(),
        another_login=login_url(path, login_hint=""),
    )
