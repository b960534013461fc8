"""Fixtures of the SDK's tests."""

from collections.abc import Iterator

import pytest
from tests.support.scripted import ScriptedServer, scripted_server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running
