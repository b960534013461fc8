"""Members: profile, custom fields, roles, plan connections; the Admin API's members.

Every change here is recorded as an event in the same transaction, through `msidp.webhooks.outbox`.
Below: plans, webhooks. Above: accounts (how members log in) and oidc (what applications learn of them).
"""
