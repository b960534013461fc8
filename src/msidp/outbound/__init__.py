"""The one guard for every outgoing request: which URLs may be saved, which addresses may be dialled.

`addresses` is the deny list, `urls` what may be saved, `client` the HTTP client that obeys both. Neighbours:
webhooks send through it, and so does whatever else calls out to an address that somebody typed in.
"""
