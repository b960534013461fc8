"""Accounts: how members sign up and log in, their server-side sessions, and the hosted pages for it.

`browser` tells who is logged in with this request's browser; `continuation` lets a feature above (oidc)
say which application waits behind a path. Below: members, who they are. Passwords are hashed in
`msidp.vault.passwords`.
"""
