"""The verifiers that docs/webhooks.md shows work as they stand there."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.webhooks.samples import CREATED, OLD_SECRET, SECRET

from msidp import clock
from msidp.webhooks import catalogue
from msidp.webhooks.dialects import Message, hear, prepare

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()


def shown(name: str) -> Any:
    """A function of the page's examples."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)  # noqa: S102  # our own page
    return names[name]


@pytest.mark.parametrize("dialect", catalogue.DIALECTS)
def test_the_examples_verify(dialect: str) -> None:
    heard = hear(dialect, CREATED)
    assert heard is not None
    message = Message("evt_1", "0b5c8c1e-58ea-4cf8-a3ae-2fd6ed0a42ff", *heard)
    rotating = (OLD_SECRET, SECRET)
    for secrets, at, expected in (
        ((SECRET,), clock.now(), True),
        (rotating, clock.now(), True),
        ((OLD_SECRET,), clock.now(), False),
        ((SECRET,), clock.now() - 10 * clock.MINUTE, False),
    ):
        headers, _ = prepare(dialect, message, secrets, at)
        lower = {name.lower(): value for name, value in headers.items()}
        assert shown("verify")(message.body, lower, SECRET) is expected
        assert shown("receive")(message.body, headers, SECRET) == (204 if expected else 401)


def test_the_page_names_every_type() -> None:
    for each in catalogue.TYPES.values():
        group = each.name.partition(".")[0] + ".*"
        assert f"`{each.name}`" in PAGE or (each.published and f"`{group}`" in PAGE), each.name
