"""Dialects: how an event is named, wrapped and signed for an endpoint. One file each."""
