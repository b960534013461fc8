"""Operators: the people who run a community at its dashboard. None of them is a member by that.

Neighbours: `msidp.dashboard` shows them their pages, `msidp.vault.passwords` hashes, `msidp.audit` notes.
"""
