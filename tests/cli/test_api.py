"""`msidp api`: the Admin API at the command line, without a key here, with one anywhere."""

import getpass
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.commands import run
from tests.support.instance import environment


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    env = environment(MSIDP_INSTANCE_DIR=str(tmp_path / "instance"))
    assert run("migrate", env=env).exit_code == 0
    return env


def told(*arguments: str, env: dict[str, str], given: str | None = None) -> Any:
    done = run("api", *arguments, env=env, given=given)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_it_does_everything_in_the_name_of_who_sits_there(env: dict[str, str], tmp_path: Path) -> None:
    body = '{"name": "Readers"}'
    plan = told("post", "/plans", "-d", body, env=env)["data"]
    assert told("PATCH", f"/plans/{plan['id']}", "-d", "-", env=env, given='{"name": "Pens"}')["data"][
        "name"
    ] == ("Pens")
    (file := tmp_path / "members.csv").write_text(
        "email,name\n" + "".join(f"m{n}@example.com,\u202ex\n" for n in range(7))
    )
    job = told("POST", "/members/import", "-f", "source=csv", "-f", f"content=@{file}", env=env)["data"]
    assert (job["kind"], job["state"]) == ("members.import", "running")
    for number in range(5):
        told("POST", "/members", "-f", f"email=a{number}@example.com", env=env)
    page = told("GET", "/members", "-q", "first=2", env=env)
    assert (page["totalCount"], len(page["data"])) == (5, 2)
    lines = run("api", "GET", "/members", "--all", "-q", "first=2", env=env).stdout.splitlines()
    addresses = [json.loads(line)["auth"]["email"] for line in lines]
    assert addresses == [f"a{number}@example.com" for number in range(5)]
    exported = run("api", "GET", "/members/export?format=csv", "-q", "passwordHashes=true", env=env)
    assert len(exported.stdout.splitlines()) == 6
    made = told("POST", "/operator-invitations", "-f", "email=o@example.com", "-f", "role=owner", env=env)
    assert "/dashboard/setup?token=" in made["data"]["link"]
    entries = told("GET", "/audit-log", env=env)["data"]
    who = {(each["actor"]["type"], each["actor"]["id"]) for each in entries}
    assert who == {("command_line", getpass.getuser())}
    assert told("GET", "/api-keys", env=env)["data"] == []  # it makes none, not even for a moment


def test_what_is_refused_is_said_and_is_no_success(env: dict[str, str]) -> None:
    done = run("api", "POST", "/members", "-d", '{"email": "ann@", "verified": "\u202eyes", "x": 1}', env=env)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "(422 invalid)" in done.stderr
    assert "  x: " in done.stderr
    assert len(run("api", "POST", "/plans", "-d", '{"name": 5}', env=env).stderr.splitlines()) == 1
    missing = run("api", "GET", "/plans/none", env=env)
    assert (missing.exit_code, "(404 plan-not-found)" in missing.stderr) == (1, True)
    for wrong, status in (
        (("GET", "members"), 2),
        (("GET", "/members", "-q", "first"), 2),
        (("POST", "/members", "-d", "{"), 2),
        (("POST", "/members", "-d", "[]", "-f", "a=b"), 2),
        (("POST", "/members", "-d", "[]"), 1),
        (("POST", "/members", "-d", "@/none"), 1),
        (("DELETE", "/members", "--all"), 2),
        (("GET", "/community", "--all"), 2),
        (("GET", "/members", "--url", "https://id.example.com"), 2),
    ):
        assert run("api", *wrong, env=env).exit_code == status, wrong


def test_commands_of_their_own_say_it_in_the_same_words(env: dict[str, str]) -> None:
    refused = run("api", "POST", "/members", "-f", "email=ann@", env=env).stderr.splitlines()
    assert run("member", "create", "--email", "ann@", env=env).stderr.splitlines()[0] == refused[
        0
    ].removesuffix(" (422 invalid-email)")
    for command in ("reset-factors", "reset-password"):
        done = run("operator", command, "--email", "nobody@example.com", env=env)
        assert (done.exit_code, done.stderr) == (1, "Error: No operator has this address.\n")


def test_a_name_cannot_turn_the_terminals_line_around(env: dict[str, str]) -> None:
    name = "a\u202e\x9b2Jz"
    made = run("api", "POST", "/plans", "-d", json.dumps({"name": name}), env=env)
    assert "\u202e" not in made.stdout
    assert "\x9b" not in made.stdout
    assert json.loads(made.stdout)["data"]["name"] == name


def test_keys_and_operators_by_their_names(env: dict[str, str]) -> None:
    made = json.loads(run("api-key", "create", "--name", "Shop", "--role", "owner", "--json", env=env).stdout)
    (listed,) = json.loads(run("api-key", "list", "--json", env=env).stdout)["data"]
    assert (listed["id"], listed["role"]) == (made["id"], "owner")
    assert run("api-key", "revoke", made["id"], env=env).stdout == "Revoked.\n"
    assert run("api-key", "revoke", made["id"], env=env).exit_code == 1
    assert run("api-key", "list", env=env).stdout == "None.\n"
    assert run("operator", "list", env=env).stdout == "None.\n"


@pytest.mark.database("sqlite")
def test_anywhere_it_does_what_its_key_may(base_url: str, admin: FlaskClient, secret_key: str) -> None:
    for number in range(3):
        admin.post("/members", json={"email": f"m{number}@example.com"})
    there = {"MSIDP_URL": base_url, "MSIDP_API_KEY": secret_key}
    assert told("GET", "/members", env=there)["totalCount"] == 3
    plan = told("POST", "/plans", "-f", "name=Readers", env=there)["data"]["id"]
    assert told("PATCH", f"/plans/{plan}", "-f", "description=All", env=there)["data"]["description"] == "All"
    assert told("DELETE", f"/plans/{plan}", env=there)["data"] == {"id": plan}
    lines = run("api", "GET", "/members/export", env=there).stdout.splitlines()
    assert [json.loads(line)["email"] for line in lines] == [f"m{n}@example.com" for n in range(3)]
    assert len(run("api", "GET", "/members", "--all", "-q", "first=1", env=there).stdout.splitlines()) == 3
    refused = run("api", "GET", "/operators", env=there)
    assert (refused.exit_code, "(403 forbidden)" in refused.stderr) == (1, True)
    nobody = run("api", "GET", "/members", "--url", "http://127.0.0.1:1", "--api-key", "sk_x", env={})
    assert (nobody.exit_code, "Traceback" in nobody.output) == (1, False)
