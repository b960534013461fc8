"""The Admin API described: the OpenAPI document, and a page for people made of it.

Neighbour below: `msidp.api`, where the routes declare what they take and give.
"""
