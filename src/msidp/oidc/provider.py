"""The provider's set-up: its endpoints, and what they share."""

import logging

from flask import Flask

from msidp.accounts import continuation
from msidp.oidc import (
    client_keys,
    clients,
    connections,
    discovery,
    documents,
    dpop_nonces,
    end_session,
    introspect,
    logos,
    revoke,
    token,
    userinfo,
)
from msidp.oidc import default_routes as token_lifetimes
from msidp.oidc import routes as applications
from msidp.oidc.authorize import par, sealed
from msidp.oidc.authorize import routes as authorize
from msidp.oidc.device import endpoint as device_endpoint
from msidp.oidc.device import pages as device_pages
from msidp.oidc.registration import admin_routes as initial_access_tokens
from msidp.oidc.registration import routes as registration
from msidp.oidc.server import TokenServer
from msidp.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Install the provider on this app."""
    logging.getLogger("authlib").setLevel(logging.INFO)  # below that it logs the tokens it issues
    clients.init_app(app)
    documents.init_app(app, settings)
    client_keys.init_app(app)
    discovery.init_app(app, settings)
    logos.init_app(app)
    sealed.init_app(app, settings)
    dpop_nonces.init_app(app, settings)
    app.extensions["msidp_token_server"] = TokenServer()
    continuation.register(app, authorize.continuation)
    connections.init_app(app)
    endpoints = (discovery, authorize, par, token, userinfo, revoke, introspect, end_session)
    managed = (applications, token_lifetimes, initial_access_tokens)
    others = (*managed, registration, logos, device_endpoint, device_pages)
    for module in (*others, *endpoints):
        app.register_blueprint(module.bp)
