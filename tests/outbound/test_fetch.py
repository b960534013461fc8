"""Fetching a JSON document past the guard."""

import pytest
from flask import Flask
from tests.support.receiver import Answer, Receiver

from msidp.app import create_app
from msidp.outbound.fetch import FetchFailed, fetch_json
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")


def test_a_document_is_read_by_get(app: Flask, receiver: Receiver) -> None:
    receiver.script("/keys", Answer(body=b'{"keys": []}'))
    assert fetch_json(receiver.url("/keys")) == {"keys": []}
    (request,) = receiver.requests
    assert (request.method, request.body) == ("GET", b"")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(404, body=b"{}"), "http_error"),
        (Answer(302, {"Location": "/elsewhere"}), "redirect"),
        (Answer(204, body=b""), "status 204"),
        (Answer(body=b"<html>"), "not JSON"),
        (Answer(body=b"\xff"), "not JSON"),
        (Answer(body=b"[" * 10_000), "not JSON"),
        (Answer(body=b'"' + b"x" * 20_000 + b'"'), "larger than"),
    ],
)
def test_other_answers_are_no_document(app: Flask, receiver: Receiver, answer: Answer, why: str) -> None:
    receiver.script("/keys", answer)
    with pytest.raises(FetchFailed, match=why):
        fetch_json(receiver.url("/keys"))


def test_addresses_inside_are_not_dialled(settings: Settings, receiver: Receiver) -> None:
    guarded = create_app(settings.model_copy(update={"outbound_allow_networks": ()}))
    with guarded.app_context(), pytest.raises(FetchFailed, match="blocked_address"):
        fetch_json(receiver.url("/keys"))
    assert receiver.requests == []
