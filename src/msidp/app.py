"""The composition root: create_app() is a list of set-up calls."""

from importlib import import_module

from flask import Flask

from msidp import db, logs, queue, web
from msidp.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The whole application over these settings (by default, those of the environment)."""
    settings = settings or Settings.load()
    app = Flask("msidp")
    logs.init_app(settings)
    web.init_app(app, settings)
    db.init_app(app, settings)
    queue.init_app(app, settings)
    _register_features(app)
    return app


def _register_features(app: Flask) -> None:
    """One line a feature, lowest first."""
    for name in ("communities", "audit", "keys", "webhooks", "plans", "members", "accounts", "oidc"):
        import_module(f"msidp.{name}.models")  # Alembic and the mappers know the tables that are imported
