"""The Client API: what members' browsers call, with a community's public key, from a site's own pages.

It speaks the protocol of Memberstack's DOM package, so that the package works here as it is. The work is done
by `accounts`, `members` and `plans`; here are the routes, the token that stands for a session (ADR 0036), and
who may call from where.
"""
