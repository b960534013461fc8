"""Links that people get from us: always under the configured base URL, never the request's Host."""

from urllib.parse import urlencode

from flask import current_app

from msidp.settings import Settings


def reset_link(token: str) -> str:
    """Where an operator chooses a new password."""
    settings: Settings = current_app.extensions["msidp_settings"]
    return f"{settings.base_url}/dashboard/reset-password?{urlencode({'token': token})}"


def setup_link(token: str) -> str:
    """Where somebody becomes an operator."""
    settings: Settings = current_app.extensions["msidp_settings"]
    return f"{settings.base_url}/dashboard/setup?{urlencode({'token': token})}"
