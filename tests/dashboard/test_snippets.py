"""The code to copy, with the values of a real application in it, does what it says."""

import json
import subprocess
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from tests.support.forms import Browser
from tests.support.node import run_node

from msidp.dashboard.snippets import snippets

# What a client sends does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")
CALLBACK = "http://127.0.0.1:9000/callback"
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


def sign_in(base_url: str, url: str) -> str:
    browser = Browser(base_url)
    page = browser.submit(browser.get(url).form(), email=EMAIL, password=PASSWORD)
    redirect = browser.submit(page.form("/authorize/consent"), button="Allow").redirect
    assert redirect is not None
    return redirect


@pytest.fixture
def application(admin: FlaskClient) -> dict[str, Any]:
    member = {"email": EMAIL, "password": PASSWORD, "profile": {"name": "Ada"}}
    assert admin.post("/members", json=member).status_code == 200
    fields = {"name": "Forum", "type": "web", "redirectUris": [CALLBACK]}
    made: dict[str, Any] = admin.post("/applications", json=fields).json["data"]
    return made


def test_the_openid_client_one_logs_a_member_in(base_url: str, application: dict[str, Any]) -> None:
    code = snippets(base_url, application, application["clientSecret"])["openid-client"]
    before, after = code.split("// At the redirect URI:")
    # The browser's part, between the two: the address goes out, the callback's comes in, in one process.
    between = "const verifier = args[0], state = args[1];"
    given = [line for line in before.splitlines() if not line.startswith(("const verifier", "const state"))]
    config, url = "\n".join(given).split("// To log in", 1)
    config = config + between + "\n//" + url
    args = "v" * 43, "state"
    sent = run_node(config + "console.log(JSON.stringify(url.href));", *args)
    arrived = f"const currentUrl = new URL({json.dumps(sign_in(base_url, sent))});"
    member = run_node(
        config
        + arrived
        + after.replace("console.log(await", "console.log(JSON.stringify(await").replace(
            ", sub));", ", sub)));"
        ),
        *args,
    )
    assert (member["email"], member["name"]) == (EMAIL, "Ada")


@pytest.mark.parametrize("public", [False, True])
def test_the_curl_one_logs_a_member_in(
    base_url: str, admin: FlaskClient, application: dict[str, Any], public: bool
) -> None:
    if public:
        fields = {"name": "Phone", "type": "native", "redirectUris": [CALLBACK]}
        application = admin.post("/applications", json=fields).json["data"]
    code = snippets(base_url, application, application.get("clientSecret"))["curl"]
    with subprocess.Popen(
        ["bash", "-euc", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as shell:  # fmt: skip
        assert shell.stdin
        assert shell.stdout
        arrived = sign_in(base_url, shell.stdout.readline().strip())
        told, _ = shell.communicate(parse_qs(urlsplit(arrived).query)["code"][0] + "\n", timeout=30)
    member = json.loads(told)
    assert (member["email"], member["name"]) == (EMAIL, "Ada")


@pytest.mark.parametrize("type_", ["web", "spa"])
def test_each_one_reads_name_and_address_where_they_are(type_: str, application: dict[str, Any]) -> None:
    """That is at userinfo: the ID token of the code flow has neither."""
    values = {
        **application,
        "type": type_,
        "tokenEndpointAuthMethod": "none" if type_ == "spa" else "client_secret_basic",
    }
    codes = snippets("https://id.example.com", values, "cs_1")
    asks = {
        "openid-client": "fetchUserInfo(",
        "Authlib (Flask)": ".userinfo(",
        "next-auth": "idToken: false",
        "oidc-client-ts": "loadUserInfo: true",
    }
    assert {title for title, code in codes.items() if asks.get(title, "") not in code} == set()
    assert "allowInsecureRequests" not in codes["openid-client"]
