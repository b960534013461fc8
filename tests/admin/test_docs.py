"""Every example of docs/admin-sdk.md runs, in order, against the real application."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.signed import SECRET, STANDARD, body_of, signed

from msidp.admin import AdminClient
from msidp.demo.client_app import ClientApp, Login

PAGE = Path(__file__).parents[2] / "docs" / "admin-sdk.md"


def test_the_examples(
    real: AdminClient,
    secret_key: str,
    base_url: str,
    application: ClientApp,
    login: Login,
    plan_id: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MSIDP_API_KEY", secret_key)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    real.delete_member(login.id_claims.subject)  # the page makes an Ada of its own
    names: dict[str, Any] = {
        "__name__": "msidp",  # where Flask looks for templates
        "token": login.tokens["access_token"],
        "client_id": application.client_id,
        "plan_id": plan_id,
    }
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) >= 6
    for example in examples:
        exec(example.replace("https://id.example.com", base_url), names)  # noqa: S102  # our own page
    told = capsys.readouterr().out
    assert f"{login.id_claims.subject} access" in told
    assert "ada@example.com" in told
    assert "True" in told
    assert names["event_id"].startswith("evt_")
    assert real.get_member("ada@example.com") is None

    (alone,) = [example for example in examples if "Flask(__name__)" in example]
    names = {"__name__": "msidp"}  # it is what people copy
    exec(alone, names)  # noqa: S102  # our own page
    receiver = names["app"].test_client()
    body = body_of(STANDARD)
    assert receiver.post("/webhooks", data=body, headers=signed(body)).status_code == 204
    assert receiver.post("/webhooks", data=body + b" ", headers=signed(body)).status_code == 401
    assert "member.created" in capsys.readouterr().out
