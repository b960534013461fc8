"""The npm packages that other tests drive load in the wheel's node."""

import pytest
from tests.support.node import run_node


def test_the_packages_load() -> None:
    script = """
        import * as client from 'openid-client';
        import { Webhook } from 'standardwebhooks';
        const memberstack = require('@memberstack/admin');
        console.log(JSON.stringify([typeof client.discovery, typeof Webhook, typeof memberstack.init, args]));
    """
    assert run_node(script, {"a": 1}, "b") == ["function", "function", "function", [{"a": 1}, "b"]]


def test_an_error_in_the_script_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="out of order"):
        run_node("throw new Error('out of order')")
