"""Signing keys: made at first start, private part encrypted at rest, published as a JWKS.

`service` writes the table, `keyring` signs and verifies with what the table holds. Neighbours below:
communities (whose key), vault (encryption at rest). Above: whatever issues a token.
"""
