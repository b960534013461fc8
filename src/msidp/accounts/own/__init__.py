"""The account page: what members see and change of themselves. Each change is an event like any other.

One file a matter: profile, password, sessions, data (export and deletion). Factors have theirs in
`accounts.factors`; the applications a member is connected to are `msidp.oidc`'s.
"""
