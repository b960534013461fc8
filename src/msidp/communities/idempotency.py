"""Idempotent POSTs: a request sent again under its Idempotency-Key is answered again, not done again.

Only a success is kept. Of two requests that race, the one that commits first wins; the other is rolled
back, whatever it ran into, and hears the winner's answer.
"""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, current_app, request

from msidp.communities import answers
from msidp.db import reading, transaction
from msidp.errors import BadRequest, Conflict, Problem
from msidp.vault.fields import cipher

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?\Z")
View = Callable[..., Any]


class _Lost(Conflict):
    """The other request with this key was faster."""


def idempotent(view: View, api_key_id: Callable[[], str | None]) -> View:
    """The view of a POST, run at most once for each Idempotency-Key. `api_key_id` tells who calls.

    Who calls without a key (None: the command line) is answered each time.
    """

    @wraps(view)
    def run(*args: Any, **kwargs: Any) -> Any:
        key, caller_id = request.headers.get("Idempotency-Key"), api_key_id()
        if key is None or caller_id is None:
            return view(*args, **kwargs)
        if not _KEY.match(key):
            raise BadRequest(
                "invalid-idempotency-key", "An Idempotency-Key is 1 to 255 printable ASCII characters."
            )
        named = answers.RequestId(caller_id, key, _request_hash())
        return _replay(named) or _run_once(lambda: view(*args, **kwargs), named)

    return run


def _run_once(view: Callable[[], Any], named: answers.RequestId) -> Response:
    try:
        with transaction() as session:
            response = current_app.make_response(view())
            if 200 <= response.status_code < 300:
                told = answers.StoredAnswer(
                    response.status_code, response.content_type or "", response.get_data(as_text=True)
                )
                if not answers.store(session, cipher(), named, told):
                    raise _Lost("conflict", "Another request with this Idempotency-Key ran. Try again.")
            return response
    except Problem:
        replayed = _replay(named)
        if replayed is None:
            raise
        return replayed


def _replay(named: answers.RequestId) -> Response | None:
    with reading() as session:
        answer = answers.find(session, cipher(), named)
    if answer is None:
        return None
    return Response(
        answer.body,
        answer.status,
        content_type=answer.content_type,
        headers={"Idempotent-Replayed": "true"},
    )


def _request_hash() -> str:
    start = f"{request.method} {request.full_path}\n".encode("utf-8", "surrogatepass")
    return hashlib.sha256(start + request.get_data()).hexdigest()
