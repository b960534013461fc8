"""The SDK stays light: it loads nothing of the server, and for webhooks not even its own HTTP client."""

import json
import subprocess
import sys

import pytest

SERVER = {"flask", "sqlalchemy", "pydantic", "authlib", "granian", "rq", "redis", "werkzeug", "click"}


def loaded_by(statement: str) -> set[str]:
    """The top-level modules, and msidp's own, that a fresh interpreter holds after a statement."""
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(run.stdout)
    return {name if name.startswith("msidp") else name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    "statement", ["import msidp.admin", "from msidp.admin import *; AdminClient('sk_x', 'http://localhost')"]
)
def test_nothing_of_the_server_is_loaded(statement: str) -> None:
    loaded = loaded_by(statement)
    assert not loaded & SERVER
    assert {name for name in loaded if name.startswith("msidp.")} == {
        name for name in loaded if name == "msidp.admin" or name.startswith("msidp.admin.")
    }


def test_webhooks_need_the_standard_library_alone() -> None:
    loaded = loaded_by("from msidp.admin import verify_webhook")
    assert not loaded & {"urllib3", "jwt", "cryptography"}


def test_every_public_name_is_there() -> None:
    from msidp import admin

    assert all(getattr(admin, name) for name in admin.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Admin'"):
        _ = admin.Admin
