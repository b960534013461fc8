"""Communities: the tenant every row belongs to, its API keys, and the guard of the Admin API.

One community is made at first start. Neighbours: every feature above asks here whose request it is.
"""
