"""Signing keys: made at first start, private part encrypted at rest, published as a JWKS."""
