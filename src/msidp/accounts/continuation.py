"""Where a member goes on to after logging in, and for which application.

`next` is a path on this site, never an address elsewhere. Features above (oidc) register a resolver
that recognises their own paths, so that the pages can name the application the member continues to.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app

# One slash, then visible ASCII. Browsers read a backslash as a slash, and drop tabs and line ends
# from an address, so `/\evil`, `/<tab>/evil` and `//evil` all lead elsewhere.
_LOCAL_PATH = re.compile(r"/(?!/)[!-\[\]-~]{0,39999}")


@dataclass(frozen=True, slots=True)
class Continuation:
    """What the log-in page tells of the way ahead, which ends at an application."""

    application_name: str
    language: str | None = None  # that the application asks for
    since: int = 0  # milliseconds; when it came


Resolver = Callable[[str], Continuation | None]


def register(app: Flask, resolver: Resolver) -> None:
    """Let `resolver` recognise paths: it gets a local path and answers with its continuation, or None."""
    _resolvers(app).append(resolver)


def resolve(next_: str | None) -> Continuation | None:
    """The continuation behind `next`; None where no application waits there."""
    path = local_path(next_)
    if path is None:
        return None
    return next((found for resolver in _resolvers(current_app) if (found := resolver(path))), None)


def local_path(next_: str | None) -> str | None:
    """`next` if it is a path on this site, else None."""
    if next_ is None or not _LOCAL_PATH.fullmatch(next_):
        return None
    return None if "//" in re.split(r"[?#]", next_, maxsplit=1)[0] else next_


def _resolvers(app: Flask) -> list[Resolver]:
    resolvers: list[Resolver] = app.extensions.setdefault("msidp_continuations", [])
    return resolvers
