"""A queue that takes connections and answers nothing is waited for once a page, and told of."""

import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from tests.dashboard.conftest import sign_in  # noqa: F401  # a fixture
from tests.support.valkey import ValkeyServer

from msidp.communities.roles import Role

# How long is waited for the queue does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")

PAGES = {
    "/dashboard": "not known: the queue does not answer",
    "/dashboard/health": "not known without the queue",
    "/metrics": "msidp_queue_up 0.0",
    "/readyz": "degraded",
}


def test_a_frozen_queue_holds_nobody_up(
    sign_in: Callable[[Role], FlaskClient],  # noqa: F811
    valkey: ValkeyServer,
) -> None:
    owner = sign_in("owner")
    slow = {}
    with valkey.frozen():
        for path, words in PAGES.items():
            asked = time.monotonic()
            answer = owner.get(path)
            took = time.monotonic() - asked
            assert (answer.status_code, words in answer.text) == (200, True), (path, answer.text)
            if took > 3:  # a second, and what a busy machine adds
                slow[path] = took
    assert slow == {}
    assert "not known" not in owner.get("/dashboard").text
