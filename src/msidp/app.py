"""The composition root: create_app() is a list of set-up calls."""

from importlib import import_module

from flask import Flask

from msidp import db, logs, metrics, negotiation, queue, web
from msidp.dispatch import App
from msidp.keys import keyring
from msidp.settings import Settings
from msidp.vault import fields


def create_app(settings: Settings | None = None) -> Flask:
    """The whole application over these settings (by default, those of the environment)."""
    settings = settings or Settings.load()
    app = create_core(settings)
    web.init_app(app, settings)
    _register_features(app, settings)
    return app


def create_core(settings: Settings) -> Flask:
    """The application without its pages: what the worker and the commands work with."""
    app = App("msidp")
    app.extensions["msidp_settings"] = settings
    logs.init_app(settings)
    db.init_app(app, settings)
    queue.init_app(app, settings)
    metrics.init_app(app, settings)
    fields.init_app(app, settings)
    keyring.init_app(app, settings)
    for name in (
        "communities",
        "images",
        "branding",
        "audit",
        "figures",
        "jobs",
        "keys",
        "mail",
        "factors",
        "webhooks",
        "plans",
        "members",
        "operators",
        "accounts",
        "accounts.factors",
        "accounts.mailed",
        "oidc",
    ):
        import_module(f"msidp.{name}.models")  # Alembic and the mappers know the tables that are imported
    _connect_features()
    return app


def _connect_features() -> None:
    """What lower features tell higher ones, which they cannot import."""
    from msidp.accounts import sessions
    from msidp.bulk import deliveries, importing
    from msidp.bulk import members as many
    from msidp.jobs import service as jobs
    from msidp.jobs import slices
    from msidp.members import service as members
    from msidp.oidc import sessions as provider
    from msidp.operators import service as operators
    from msidp.webhooks import ailing, replaying

    for kind in (many, deliveries, importing):
        jobs.register(kind.KIND, kind.do)
    slices.register(replaying.WORK)
    slices.register(jobs.WORK)
    members.before_deletion(sessions.end_all)
    sessions.listen(provider.end)
    ailing.write_to(operators.addresses)


def _register_features(app: Flask, settings: Settings) -> None:
    """Every feature's routes, lowest first. Imported here: the worker does without them."""
    from msidp.accounts import language, language_routes
    from msidp.accounts import routes as accounts
    from msidp.accounts import session_routes as sessions
    from msidp.accounts.factors import account_routes as two_factor
    from msidp.accounts.factors import admin_routes as member_factors
    from msidp.accounts.factors import passkey_routes as passkeys
    from msidp.accounts.factors import routes as factors
    from msidp.accounts.mailed import address_routes, reset_routes, sign_in_routes, sign_up_routes
    from msidp.accounts.own import data_routes as own_data
    from msidp.accounts.own import photo_routes as photo
    from msidp.accounts.own import routes as own
    from msidp.apidocs import routes as apidocs
    from msidp.audit import routes as audit
    from msidp.branding import community_routes as community
    from msidp.branding import current as brand
    from msidp.branding import routes as branding
    from msidp.bulk import routes as bulk
    from msidp.dashboard import routes as dashboard
    from msidp.images import routes as images
    from msidp.keys import admin_routes as signing_keys
    from msidp.keys import routes as keys
    from msidp.mail import routes as mail
    from msidp.mail import text_routes as mail_texts
    from msidp.members import routes as members
    from msidp.memberstack import app_routes as client_app
    from msidp.memberstack import auth_routes as client_auth
    from msidp.memberstack import member_routes as client_member
    from msidp.memberstack import script_routes as client_scripts
    from msidp.memberstack import token_routes as member_tokens
    from msidp.oidc import provider
    from msidp.operators import key_routes as api_keys
    from msidp.operators import mail_routes as mail_tests
    from msidp.operators import routes as operators
    from msidp.ops import routes as ops
    from msidp.plans import routes as plans
    from msidp.webhooks import delivery_routes as deliveries
    from msidp.webhooks import event_routes as events
    from msidp.webhooks import event_type_routes as event_types
    from msidp.webhooks import keeping_routes as webhook_settings
    from msidp.webhooks import key_routes as webhook_keys
    from msidp.webhooks import routes as webhooks

    brand.init_app(app)
    negotiation.ask(app, language.asked, language.kept, language.chosen)
    app.register_blueprint(images.bp)
    app.register_blueprint(branding.bp)
    app.register_blueprint(branding.public_bp)
    app.register_blueprint(community.bp)
    app.register_blueprint(keys.bp)
    app.register_blueprint(signing_keys.bp)
    app.register_blueprint(audit.bp)
    app.register_blueprint(mail.bp)
    app.register_blueprint(mail_texts.bp)
    app.register_blueprint(webhooks.bp)
    app.register_blueprint(deliveries.bp)
    app.register_blueprint(webhook_settings.bp)
    app.register_blueprint(webhook_keys.bp)
    app.register_blueprint(webhook_keys.public_bp)
    app.register_blueprint(events.bp)
    app.register_blueprint(event_types.bp)
    app.register_blueprint(plans.bp)
    app.register_blueprint(members.bp)
    app.register_blueprint(operators.bp)
    app.register_blueprint(api_keys.bp)
    app.register_blueprint(mail_tests.bp)
    app.register_blueprint(accounts.bp)
    app.register_blueprint(language_routes.bp)
    app.register_blueprint(reset_routes.bp)
    app.register_blueprint(address_routes.bp)
    app.register_blueprint(sign_in_routes.bp)
    app.register_blueprint(sign_up_routes.bp)
    app.register_blueprint(factors.bp)
    app.register_blueprint(two_factor.bp)
    app.register_blueprint(sessions.bp)
    app.register_blueprint(passkeys.bp)
    app.register_blueprint(member_factors.bp)
    app.register_blueprint(own.bp)
    app.register_blueprint(own_data.bp)
    app.register_blueprint(photo.bp)
    provider.init_app(app, settings)
    app.register_blueprint(bulk.bp)
    app.register_blueprint(member_tokens.bp)
    app.register_blueprint(client_auth.bp)
    app.register_blueprint(client_member.bp)
    app.register_blueprint(client_app.bp)
    app.register_blueprint(client_scripts.bp)
    dashboard.init_app(app)
    app.register_blueprint(ops.bp)
    app.register_blueprint(apidocs.bp)
