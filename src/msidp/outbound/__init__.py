"""The one guard for every outgoing request: which URLs may be saved, which addresses may be dialled."""
