"""docs/specifications.md points at tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_is_named_exists() -> None:
    page = (ROOT / "docs" / "specifications.md").read_text()
    named = set(re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", page)) - {"tests/"}
    assert len(named) > 15
    assert [path for path in sorted(named) if not (ROOT / "tests" / path).exists()] == []
