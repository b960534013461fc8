"""A community's look as JSON."""

from typing import Any

from msidp.branding.service import Brand


def branding_json(brand: Brand, base_url: str) -> dict[str, Any]:
    """The look of a community as the Admin API shows it."""
    return {
        "name": brand.name,
        "language": brand.language,
        "accentColor": brand.accent_color,
        "logoUrl": brand.logo and base_url + brand.logo.url,
        "welcome": dict(brand.welcome),
        "supportUrl": brand.support_url,
        "termsUrl": brand.terms_url,
        "privacyUrl": brand.privacy_url,
    }
