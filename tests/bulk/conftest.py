"""Jobs in slices that are small, so that a few rows make several."""

import pytest
from tests.dashboard.conftest import sign_in  # noqa: F401  # a fixture

from msidp import walk
from msidp.bulk import deliveries as bulk_deliveries
from msidp.bulk import importing
from msidp.bulk import members as bulk_members


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_members, "SLICE", 3)
    monkeypatch.setattr(bulk_deliveries, "SLICE", 2)
    monkeypatch.setattr(importing, "PART", 2)
    monkeypatch.setattr(walk, "WINDOW", 4)
