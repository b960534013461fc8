"""Fetching one small JSON document, such as a client's keys, past the same guard as everything else."""

from typing import Any

from flask import current_app

from msidp import canonical
from msidp.outbound.authorities import Authorities
from msidp.outbound.client import Client
from msidp.outbound.exchange import MAX_BODY, Reply
from msidp.outbound.urls import OutboundPolicy
from msidp.settings import Settings

TIMEOUT = 3.0  # seconds for everything; somebody's request waits meanwhile
_HEADERS = ["Accept: application/json, */*;q=0.1", "User-Agent: msidp"]


class FetchFailed(Exception):
    """There is no document. The text says why, for logs and for the application's developer."""


def fetch_json(url: str) -> Any:
    """The JSON document at this URL. Raises FetchFailed for any other answer than a whole one by 200."""
    reply = _get(url, current_app.extensions["msidp_settings"])
    if reply.error is not None or reply.status != 200:
        raise FetchFailed(reply.error or f"status {reply.status}")
    if len(reply.excerpt) >= MAX_BODY:
        raise FetchFailed(f"larger than {MAX_BODY:,} bytes")
    try:
        return canonical.loads(reply.excerpt)
    except ValueError:
        raise FetchFailed("not JSON") from None


def _get(url: str, settings: Settings) -> Reply:
    client = Client(OutboundPolicy.of(settings), Authorities(settings.outbound_ca_file))
    try:
        client.get(url, _HEADERS, timeout=TIMEOUT, tag=None)
        while True:
            for _tag, reply in client.poll(TIMEOUT):
                return reply
    finally:
        client.close()
