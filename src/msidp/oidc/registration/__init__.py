"""Dynamic client registration (RFC 7591, 7592): applications that register themselves.

`metadata` translates between client metadata and an application's fields, `access` keeps the initial access
tokens without which nobody registers, `service` does it. What an application may be is said in `oidc.fitness`
alone: there is no second set of rules.
"""
