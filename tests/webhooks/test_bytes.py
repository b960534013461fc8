"""The bytes that are signed and sent are those that JavaScript would write, whatever the event's data."""

import json
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.support.node import run_node
from tests.webhooks.support import add_endpoint, happen

from msidp import canonical, db
from msidp.webhooks.catalogue import DIALECTS
from msidp.webhooks.dialects import Happening, hear
from msidp.webhooks.models import EventBody

AGAIN = """
    const { readFileSync } = await import('node:fs');
    const texts = JSON.parse(readFileSync(args[0], 'utf8'));
    console.log(JSON.stringify(texts.map(text => JSON.stringify(JSON.parse(text)))));
"""
keys = (
    st.text(max_size=8)
    | st.integers(0, 2**33).map(str)
    | st.sampled_from(["01", "-0", "4294967294", "__proto_"])
)
numbers = (
    st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([-0.0, 1e21, 1e-7, 123456789012345680000, 5e-324, 1.7976931348623157e308, 0.1 + 0.2])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=15,
)
AWKWARD = {
    "10": 1.0, "9": [-0.0, 1e21, 1e-7, 2**60 + 1], "é": '\u2028\x7f\u0001"\\/😀', "": {}, "01": [[], [{}]],
}  # fmt: skip


def rewritten(texts: list[str], tmp_path: Path) -> list[str]:
    """What node makes of them: parsed and written again, all in one process."""
    file = tmp_path / "texts.json"
    file.write_text(json.dumps(texts))
    found: list[str] = run_node(AGAIN, str(file))
    return found


def test_the_body_of_any_data_in_every_dialect_is_javascripts(tmp_path: Path) -> None:
    bodies: list[str] = []

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(keys, values, max_size=5))
    def collect(data: dict[str, object]) -> None:
        event = Happening("post.published", 1_774_708_200_000, "community", data)
        heard = filter(None, (hear(dialect, event) for dialect in DIALECTS))
        bodies.extend(body.decode() for _, body in heard)

    collect()
    assert len(bodies) > 300
    assert rewritten(bodies, tmp_path) == bodies


@pytest.mark.parametrize("dialect", ["standard", "memberpad"])
def test_the_stored_body_is_javascripts(app: Flask, community_id: str, tmp_path: Path, dialect: str) -> None:
    add_endpoint(community_id, "https://example.com/", dialect=dialect)
    happen(community_id, data=canonical.loads(json.dumps(AWKWARD)))
    with db.reading() as session:
        stored = session.scalars(select(EventBody.body)).one().decode()
    assert stored.count(canonical.dumps(AWKWARD)) == 1
    assert rewritten([stored], tmp_path) == [stored]
