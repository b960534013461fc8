from pathlib import Path
from typing import Any

import pytest

from msidp.settings import Settings


@pytest.fixture
def overrides() -> dict[str, Any]:
    """Settings of one's own: `@pytest.mark.parametrize("overrides", [{…}])`."""
    return {}


@pytest.fixture
def settings(settings: Settings, overrides: dict[str, Any], ca_file: Path) -> Settings:
    return settings.model_copy(update={"outbound_ca_file": ca_file, **overrides})
