"""Accounts: how members sign up and log in, their server-side sessions, and the hosted pages for it."""
