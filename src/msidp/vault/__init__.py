"""Secrets at rest: field encryption under the instance's secret key, and password hashing.

Neighbours: `msidp.settings` gives the keys; every feature that keeps a secret calls this one.
"""
