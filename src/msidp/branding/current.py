"""The brand that the pages of this process show."""

from dataclasses import dataclass

import structlog
from flask import Flask, current_app, g
from sqlalchemy.exc import SQLAlchemyError

from msidp import clock, languages, negotiation
from msidp.branding import service
from msidp.branding.service import Brand
from msidp.communities import service as communities
from msidp.db import reading

_FRESH = 30 * clock.SECOND  # how soon every process shows a change
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Cache:
    brand: Brand | None = None
    read_at: int = 0


def init_app(app: Flask) -> None:
    """Give the templates `current_brand()`."""
    app.extensions["msidp_brand"] = _Cache()
    app.jinja_env.globals["current_brand"] = current_brand
    negotiation.default(app, _language)


def forget() -> None:
    """Read the brand anew at the next page of this process; the others follow within half a minute."""
    cache: _Cache = current_app.extensions["msidp_brand"]
    cache.brand = None


def show(brand: Brand) -> None:
    """Show this brand on the pages of the present request: a preview."""
    g.brand = brand


def current_brand() -> Brand | None:
    """The brand of this instance's community; None before there is one.

    Error pages show it too, so it never raises: without the database the last one known serves.
    """
    if "brand" in g:
        previewed: Brand = g.brand
        return previewed
    cache: _Cache = current_app.extensions["msidp_brand"]
    if cache.brand is None or clock.now() - cache.read_at > _FRESH:
        try:
            with reading() as session:
                community = communities.find_default(session)
                brand = service.read(session, community.id) if community else None
        except SQLAlchemyError as error:
            log.warning("the brand cannot be read", error=str(error))
        else:
            cache.brand = brand
        cache.read_at = clock.now()
    return cache.brand


def _language() -> str | None:
    brand = current_brand()
    return languages.best([brand.language]) if brand else None
