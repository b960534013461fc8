"""A token with which clients register."""

import pytest
from flask.testing import FlaskClient
from tests.oidc.registration.support import new_token


@pytest.fixture
def token(admin: FlaskClient) -> str:
    """An initial access token that lasts for the whole test."""
    return new_token(admin, maxUses=None)
