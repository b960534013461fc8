"""What pages of every origin may read: documents that are public anyway."""

from flask import Blueprint, Response, request

MAX_AGE = 600  # seconds a browser may remember a preflight's answer


def allow_everybody(bp: Blueprint) -> None:
    """Let any page read what these routes answer, whatever headers its library adds to the request.

    No cookies are involved: a browser takes `*` for requests without credentials alone.
    """
    bp.after_request(_allow)


def _allow(response: Response) -> Response:
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET"
        headers["Access-Control-Allow-Headers"] = "*"
        headers["Access-Control-Max-Age"] = str(MAX_AGE)
    return response
