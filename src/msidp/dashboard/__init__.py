"""The operator's pages at /dashboard: plain forms over the same services as the Admin API.

One file a page or a few that belong together; `frame` is who may see them and how they are drawn.
Every page works without a script; htmx and dashboard.js refresh lists and show times in the reader's zone.
"""
