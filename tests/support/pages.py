"""The guides of docs/: their examples, as the tests run them."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def examples(page: str, language: str) -> list[str]:
    """The blocks of this language in a page, named by its path below docs/."""
    text = (DOCS / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def example(page: str, language: str, holding: str = "") -> str:
    """The one block of this language that holds this text."""
    found = [block for block in examples(page, language) if holding in block]
    assert len(found) == 1, f"{len(found)} blocks of {language} in {page} hold {holding!r}"
    return found[0]
