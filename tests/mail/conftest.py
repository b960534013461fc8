from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from tests.support.mailserver import MailServer

from msidp import db
from msidp.app import create_app
from msidp.settings import Settings


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as listening:
        yield listening


@pytest.fixture
def mailing(settings: Settings, server: MailServer) -> Iterator[Flask]:
    """An application whose mails go to `server`, inside its context."""
    with applied(settings, smtp_url=f"{server.url}?timeout=5") as app:
        yield app


@contextmanager
def applied(settings: Settings, **changes: object) -> Iterator[Flask]:
    """An application with these settings too, inside its context."""
    values = {**settings.model_dump(), **changes}
    app = create_app(Settings(**values).completed())
    with app.app_context():
        try:
            yield app
        finally:
            db.dispose()
