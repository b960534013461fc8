"""The application itself: for other threads, and where Flask's proxy for it would be felt."""

from flask import Flask, current_app


def present_app() -> Flask:
    """The application that this runs in."""
    found: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # as Flask does
    return found
