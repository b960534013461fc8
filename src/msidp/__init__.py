"""msidp: an OpenID Connect identity provider with members, plans and signed member webhooks.

The package imports nothing by itself, so that the light SDK (`msidp.admin`) stays light.
"""
