"""What pages of other origins may read; those of every origin, documents that are public anyway."""

from flask import Blueprint, Response, request

_MAX_AGE = 600  # seconds a browser may remember a preflight's answer


def allow_everybody(bp: Blueprint) -> None:
    """Let any page read what these routes answer, whatever headers its library adds to the request.

    No cookies are involved: a browser takes `*` for requests without credentials alone.
    """
    bp.after_request(_allow)


def allow(response: Response, origin: str, methods: str, headers: str) -> Response:
    """Let pages of this origin read an answer; a preflight's says by which methods and with which headers."""
    response.headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = headers
        response.headers["Access-Control-Max-Age"] = str(_MAX_AGE)
    return response


def _allow(response: Response) -> Response:
    return allow(response, "*", "GET", "*")
