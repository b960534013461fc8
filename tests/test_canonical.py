"""JSON as JavaScript writes it, checked against node."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.node import run_node

from msidp import canonical

CASES = [
    1.0, -0.0, 1e-7, 1e-6, 1.5e-7, 1e20, 1e21, 2**53 + 1,
    12345678901234567890123, 5e-324, 1.7976931348623157e308,
    {"b": 1, "10": 2, "9": 3, "01": 4,
     "4294967295": 5, "4294967294": 6, "": 7}, 'é\u2028\x7f\b\x01"\\/😀', [], {}, None,
]  # fmt: skip


NODE_FORM = "console.log(JSON.stringify(args[0].map(text => JSON.stringify(JSON.parse(text)))))"


def test_the_form_is_that_of_node() -> None:
    texts = [json.dumps(case) for case in CASES]
    assert [canonical.dumps(json.loads(text)) for text in texts] == run_node(NODE_FORM, texts)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text() | st.integers(0, 99).map(str), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(json_values)
def test_canonical_form_is_a_fixed_point(value) -> None:
    text = canonical.dumps(value)
    assert canonical.dumps(json.loads(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "1e400",
        "NaN",
        "-Infinity",
        '"\\u0000"',
        '"\\ud800"',
        '{"\\udc00":1}',
        "[" * 5000,
        "[" * 150 + "]" * 150,
        "9" * 400,
        b"\xff",
        "{",
    ],
)
def test_what_cannot_be_held_is_refused(text) -> None:
    with pytest.raises(ValueError):
        canonical.loads(text)


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["a", "10", "9", "é", "\ud800", "1.5", ""]), inner, max_size=5)
    ),
    max_leaves=30,
)


@given(plain_values)
def test_the_short_cut_gives_what_the_long_way_does(value) -> None:
    parts: list[str] = []
    try:
        canonical._write(value, parts, 100)
    except ValueError:
        with pytest.raises(ValueError):
            canonical.dumps(value)
    else:
        assert canonical.dumps(value) == "".join(parts)


@pytest.mark.parametrize("value", [{"a": {1, 2}}, {1: "a"}, float("nan"), 10**400])
def test_what_is_no_json_has_no_form(value) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical.dumps(value)


def test_too_deep_has_no_form() -> None:
    value: list = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(ValueError):
        canonical.dumps(value)
