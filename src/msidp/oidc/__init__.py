"""The OpenID provider: discovery, authorize, token, userinfo, and the applications that use them.

Authlib's server parses and routes the grants; what they read and write goes straight to tables by
SQLAlchemy Core. Below: accounts (who is logged in), members (claims), keys (signatures).
"""
