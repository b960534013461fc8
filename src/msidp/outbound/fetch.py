"""Fetching one small document, such as a client's keys, past the same guard as everything else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app

from msidp import canonical
from msidp.outbound.authorities import Authorities
from msidp.outbound.client import Client
from msidp.outbound.exchange import MAX_BODY, Reply
from msidp.outbound.urls import OutboundPolicy
from msidp.settings import Settings

TIMEOUT = 3.0  # seconds for everything; somebody's request waits meanwhile


class FetchFailed(Exception):
    """There is no document. The text says why, for logs and for the application's developer."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was fetched. Header names are in lower case; of a repeated header the first is kept."""

    body: bytes
    headers: Mapping[str, str]


def fetch_json(url: str) -> Any:
    """The JSON document at this URL. Raises FetchFailed for any other answer than a whole one by 200."""
    body = fetch(url, accept="application/json, */*;q=0.1")
    try:
        return canonical.loads(body)
    except ValueError:
        raise FetchFailed("not JSON") from None


def fetch(url: str, *, accept: str, max_body: int = MAX_BODY) -> bytes:
    """What is at this URL, shorter than `max_body` bytes. Raises FetchFailed likewise."""
    return fetch_document(url, accept=accept, max_body=max_body).body


def fetch_document(url: str, *, accept: str, max_body: int = MAX_BODY) -> Document:
    """The same with its headers."""
    reply = _get(url, accept, max_body, current_app.extensions["msidp_settings"])
    if reply.error is not None or reply.status != 200:
        raise FetchFailed(reply.error or f"status {reply.status}")
    if len(reply.excerpt) >= max_body:
        raise FetchFailed(f"larger than {max_body:,} bytes")
    return Document(reply.excerpt, _headers(reply.head))


def _headers(head: Iterable[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in head:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _get(url: str, accept: str, max_body: int, settings: Settings) -> Reply:
    client = Client(OutboundPolicy.of(settings), Authorities(settings.outbound_ca_file))
    try:
        headers = [f"Accept: {accept}", "User-Agent: msidp"]
        client.get(url, headers, timeout=TIMEOUT, tag=None, max_body=max_body)
        while True:
            for _tag, reply in client.poll(TIMEOUT):
                return reply
    finally:
        client.close()
