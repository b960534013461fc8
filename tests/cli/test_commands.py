"""The commands that end by themselves: their output, their errors, their status."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from rq.utils import utcformat
from tests.support.commands import run
from tests.support.instance import environment, msidp
from tests.support.postgres import PostgresServer
from tests.support.valkey import ValkeyServer

from msidp import db
from msidp.cli.common import application
from msidp.communities import service as communities
from msidp.operators import factors
from msidp.operators import service as operators
from msidp.operators.models import OperatorApp
from msidp.operators.service import NewOperator

COMMANDS = [
    "up",
    "web",
    "worker",
    "cron",
    "migrate",
    "doctor",
    "api-key create",
    "community show",
    "keys list",
    "member list",
    "member create",
    "member import",
    "member export",
    "keys rotate",
    "initial-access-token create",
    "initial-access-token list",
    "initial-access-token revoke",
    "operator create",
    "operator list",
    "api",
    "api-key list",
    "api-key revoke",
    "operator reset-factors",
    "operator reset-password",
]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(MSIDP_INSTANCE_DIR=str(tmp_path / "instance"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'msidp.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    server.create_database("commands")
    yield server.url("commands")
    server.drop_database("commands")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, env: dict[str, str]) -> None:
    done = run(*command.split(), "--help", env=env)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: msidp {command}")


def test_the_package_runs_as_a_module_and_as_a_command(env: dict[str, str]) -> None:
    script = Path(sys.executable).parent / "msidp"
    done = subprocess.run([script, "--version"], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == msidp("--version", env=env).stdout.split()[-1]


def count_rows(url: str, table: str) -> int:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        try:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  # our own names
        finally:
            connection.close()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  # our own names


def test_several_migrations_at_once_make_one_of_everything(empty_database: str, env: dict[str, str]) -> None:
    env["MSIDP_DATABASE_URL"] = empty_database
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: msidp("migrate", "--json", env=env), range(3)))
    assert [(run.returncode, run.stderr, run.stdout) for run in runs] == [(0, "", '{"migrated": true}\n')] * 3
    assert {table: count_rows(empty_database, table) for table in ("community", "signing_key")} == {
        "community": 1, "signing_key": 4,
    }  # fmt: skip


def test_a_database_without_tables_is_said(env: dict[str, str]) -> None:
    (instance := Path(env["MSIDP_INSTANCE_DIR"])).mkdir()
    (instance / "msidp.env").touch(0o600)
    done = run("api-key", "create", "--name", "x", env=env)
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: The database sqlite:///{instance}/msidp.db is not at this version yet. Run: msidp migrate\n"
    )


def test_a_database_that_a_newer_version_migrated_is_left_alone_and_said(env: dict[str, str]) -> None:
    run("migrate", env=env)
    database = Path(env["MSIDP_INSTANCE_DIR"]) / "msidp.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    mend = "Start the newer version of msidp that migrated it, or restore the backup from before that."
    for command in ("migrate", "api-key create --name x"):
        done = run(*command.split(), env=env)
        assert done.exit_code == 1
        assert done.stderr == f"Error: The database sqlite:///{database} is newer than this version. {mend}\n"
    assert doctor(env)[2]["migrations"]["mend"] == mend


def test_an_unusable_name_is_refused(env: dict[str, str]) -> None:
    run("migrate", env=env)
    done = run("api-key", "create", "--name", "", env=env)
    assert done.exit_code == 2
    assert "--name" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MSIDP_WEBHOOK_TIMEOUT", "soon", "a valid number"),
        ("MSIDP_WEBHOOK_RETRY_SCHEDULE", "0,-1", "each between 0 seconds and 30 days"),
        ("MSIDP_BASE_URL", "id.example.com", "must be an http or https URL"),
        ("MSIDP_BASE_URL", "http://a b", "must be an http or https URL"),
        ("MSIDP_BASE_URL", "https://user:hush@id.example.com", "must be an http or https URL"),
        ("MSIDP_BASE_URL", "http://id.example.com:99999", "must be an http or https URL"),
        ("MSIDP_SECRET_KEY", "short", "each key needs at least 8 characters"),
        ("MSIDP_DATABASE_URL", "sqlite:///", "needs a file"),
        ("MSIDP_DATABASE_URL", "postgresql://host:bad/x", "its port is no number"),
        ("MSIDP_REDIS_URL", "redis://:badport:x", "its port is no number"),
        ("MSIDP_DATABASE_URL", "mysql://x:hush@y/z", "must begin with postgresql+psycopg:// or sqlite:///"),
        ("MSIDP_REDIS_URL", "localhost", "must begin with redis://, rediss:// or unix://"),
        ("MSIDP_OUTBOUND_ALLOW_NETWORKS", "127.0.0.1/8", "is not a valid IPv4 network"),
        ("MSIDP_OUTBOUND_ALLOW_HTTP", "maybe", "a valid boolean"),
        ("MSIDP_OUTBOUND_CA_FILE", "/nowhere/ca.pem", "/nowhere/ca.pem cannot be read: No such file"),
        ("MSIDP_OUTBOUND_CA_FILE", __file__, "holds no certificates in PEM"),
    ],
)
def test_a_wrong_setting_is_one_line(name: str, value: str, said: str, env: dict[str, str]) -> None:
    done = run("migrate", env={**env, name: value})
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"Error: {name}: ")
    assert said in line
    assert "hush" not in line


def test_an_instance_directory_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("migrate", env=environment(MSIDP_INSTANCE_DIR=str(tmp_path / "file" / "instance")))
    assert done.exit_code == 1
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_secret_key_file_is_refused(env: dict[str, str]) -> None:
    path = Path(env["MSIDP_INSTANCE_DIR"]) / "secret.key"
    path.parent.mkdir()
    path.write_text("")
    done = run("migrate", env=env)
    assert done.exit_code == 1
    assert f"{path} is empty or cut short" in done.stderr


def test_a_settings_file_that_is_not_text_is_refused(env: dict[str, str]) -> None:
    path = Path(env["MSIDP_INSTANCE_DIR"]) / "msidp.env"
    path.parent.mkdir()
    path.write_bytes(b"MSIDP_BASE_URL=\xff\n")
    done = run("migrate", env=env)
    assert done.exit_code == 1
    assert "msidp.env" in done.stderr
    assert "not UTF-8" in done.stderr


@pytest.mark.parametrize("command", ["api-key create --name x", "community show", "doctor"])
def test_no_second_instance_is_made_by_accident(command: str, env: dict[str, str]) -> None:
    done = run(*command.split(), env=env)
    assert done.exit_code == 1
    assert f"There is no msidp instance at {env['MSIDP_INSTANCE_DIR']}" in done.stderr
    assert not Path(env["MSIDP_INSTANCE_DIR"]).exists()


def doctor(env: dict[str, str]) -> tuple[int, dict[str, str], dict[str, dict[str, str]]]:
    done = run("doctor", "--json", env=env)
    report = json.loads(done.stdout)
    return done.exit_code, report["settings"], {check["name"]: check for check in report["checks"]}


def test_the_doctor_finds_what_is_wrong_and_says_how_to_mend_it(env: dict[str, str]) -> None:
    (instance := Path(env["MSIDP_INSTANCE_DIR"])).mkdir()
    (instance / "msidp.env").touch(0o600)
    status, _, checks = doctor({**env, "MSIDP_WEBHOK_TIMEOUT": "2", "MSIDP_SMTP_URL": "smtp://127.0.0.1:1"})
    assert status == 1
    assert {name for name, check in checks.items() if not check["ok"]} == {
        "settings", "migrations", "queue", "workers", "mail",
    }  # fmt: skip
    assert checks["settings"]["mend"] == "Did you mean MSIDP_WEBHOOK_TIMEOUT?"
    assert checks["migrations"]["mend"] == "Run: msidp migrate"
    assert all(check["mend"] for check in checks.values() if not check["ok"])


def test_the_doctor_hides_secrets(env: dict[str, str]) -> None:
    hidden = {
        "MSIDP_SECRET_KEY": "hush-key-of-32-characters-or-more",
        "MSIDP_DATABASE_URL": "postgresql://user:hush@127.0.0.1:1/db",
        "MSIDP_REDIS_URL": "redis://:hush@127.0.0.1:1/0",
        "MSIDP_SMTP_URL": "smtp://user:hush@127.0.0.1:1",
    }
    for arguments in (["doctor"], ["doctor", "--json"]):
        done = run(*arguments, env={**env, **hidden})
        assert done.exit_code == 1
        assert "hush" not in done.stdout + done.stderr
        assert "127.0.0.1:1/db" in done.stdout


def test_the_doctor_finds_a_secret_key_that_was_changed(env: dict[str, str]) -> None:
    run("migrate", env=env)
    _, _, checks = doctor({**env, "MSIDP_SECRET_KEY": "another-key-of-32-characters-or-more"})
    assert checks["keys"]["ok"] is False
    assert "MSIDP_SECRET_KEY" in checks["keys"]["mend"]
    _, _, checks = doctor(env)
    assert checks["keys"]["ok"] is True


def test_keys_are_listed_and_rotated(env: dict[str, str]) -> None:
    def keys(*arguments: str) -> list[tuple[str, str]]:
        done = run("keys", *arguments, "--json", env=env)
        assert done.exit_code == 0, done.stderr
        return [(key["algorithm"], key["status"]) for key in json.loads(done.stdout)["data"]]

    run("migrate", env=env)
    assert sorted(keys("list")) == [(name, "active") for name in ("ES256", "EdDSA", "PS256", "RS256")]
    assert ("ES256", "next") in keys("rotate", "--algorithm", "ES256")
    assert keys("rotate", "--algorithm", "ES256").count(("ES256", "next")) == 1
    assert ("EdDSA", "retiring") in keys("rotate", "--algorithm", "EdDSA", "--now")
    assert [state for name, state in keys("rotate", "--revoke") if name == "ES256"] == ["active"]
    lines = run("keys", "list", env=env).stdout.splitlines()
    assert lines[0].split() == ["kid", "algorithm", "status", "createdAt", "activeAt", "retiredAt"]
    assert len(lines) == 5
    assert run("keys", "rotate", "--algorithm", "none", env=env).exit_code == 2


def test_initial_access_tokens(env: dict[str, str]) -> None:
    run("migrate", env=env)
    arguments = ["initial-access-token", "create", "--name", "partners", "--uses", "3", "--json"]
    for option, value in (("--grant-type", "password"), ("--scope", 'a"'), ("--redirect-host", "a/b")):
        assert run(*arguments, option, value, env=env).exit_code == 1
    arguments += ["--scope", "openid", "--scope", "reports:read"]
    made = json.loads(run(*arguments, env=env).stdout)
    assert made["token"].startswith("iat_")
    assert made["id"].startswith("itk_")  # no secret, and told from one
    assert (made["maxUses"], made["uses"]) == (3, 0)
    assert (made["scopes"], made["grantTypes"]) == (["openid", "reports:read"], None)
    listed = run("initial-access-token", "list", "--json", env=env).stdout
    assert [row["id"] for row in json.loads(listed)["data"]] == [made["id"]]
    assert made["token"] not in listed
    assert run("initial-access-token", "revoke", made["id"], env=env).exit_code == 0
    assert run("initial-access-token", "revoke", made["id"], env=env).exit_code == 1
    assert run("initial-access-token", "list", env=env).stdout == "None.\n"


def test_the_doctor_asks_for_a_long_secret_key(env: dict[str, str]) -> None:
    _, _, checks = doctor({**env, "MSIDP_SECRET_KEY": "not-so-long"})
    assert checks["settings"]["message"] == "a secret key has under 32 characters"


def test_the_doctor_counts_the_workers_that_live(env: dict[str, str], valkey: ValkeyServer) -> None:
    """One that said that it ended, and one that was killed a minute ago, are still in the list."""
    valkey.client.flushall()
    now, then = (datetime.now(UTC) - timedelta(seconds=ago) for ago in (0, 60))
    for name, fields in {
        "lives": {"last_heartbeat": utcformat(now)},
        "ended": {"last_heartbeat": utcformat(now), "death": utcformat(now)},
        "killed": {"last_heartbeat": utcformat(then)},
    }.items():
        valkey.client.hset(f"rq:worker:{name}", mapping=fields)
        valkey.client.sadd("rq:workers", f"rq:worker:{name}")
    env |= {"MSIDP_REDIS_URL": valkey.url}
    run("migrate", env=env)
    assert doctor(env)[2]["workers"]["message"] == "1 at work"


def test_the_doctor_is_content_with_a_whole_instance(
    empty_database: str, env: dict[str, str], valkey: ValkeyServer
) -> None:
    env |= {"MSIDP_DATABASE_URL": empty_database, "MSIDP_REDIS_URL": valkey.url}
    run("migrate", env=env)
    valkey.client.flushall()
    worker = subprocess.Popen([sys.executable, "-m", "msidp", "worker"], env=env, stderr=subprocess.PIPE)
    try:
        assert worker.stderr is not None
        worker.stderr.readline()  # it has started; its name is in the queue a moment later
        for _ in range(500):
            status, settings, checks = doctor(env)
            if status == 0:
                break
    finally:
        worker.terminate()
        worker.communicate(timeout=20)
    assert [check for check in checks.values() if not check["ok"]] == []
    assert settings["MSIDP_WEBHOOK_TIMEOUT"] == "10"
    assert worker.returncode == 0


def test_members_in_and_out(env: dict[str, str], tmp_path: Path) -> None:
    run("migrate", env=env)
    file = tmp_path / "members.jsonl"
    lines = [{"email": f"m{number}@example.com"} for number in range(3)] + [{"email": "none"}]
    file.write_text("\n".join(map(json.dumps, lines)))
    result = run("member", "import", str(file), "--json", env=env)
    assert result.exit_code == 1
    done = json.loads(result.stdout)
    assert (done["created"], done["known"], [each["record"] for each in done["failed"]]) == (3, 0, [4])
    assert json.loads(run("member", "import", str(file), "--json", env=env).stdout)["known"] == 3
    exported = tmp_path / "exported.jsonl"
    exported.write_text(run("member", "export", env=env).stdout)
    assert len(exported.read_text().splitlines()) == 3
    assert run("member", "export", "--json", env=env).stdout == exported.read_text()
    assert run("member", "export", "--format", "csv", env=env).stdout.startswith("\ufeffid,email")
    assert json.loads(run("member", "import", str(exported), "--json", env=env).stdout)["known"] == 3
    made = run("member", "create", "--email", "ada@example.com", "--json", env=env)
    listed = json.loads(run("member", "list", "--first", "1", "--json", env=env).stdout)["data"]
    assert [each["id"] for each in listed] == [json.loads(made.stdout)["id"]]
    assert "ada@example.com" in run("member", "list", env=env).stdout
    assert run("member", "create", "--email", "ADA@example.com", env=env).exit_code == 1
    file.write_text("nonsense")
    assert "cannot be read" in run("member", "import", str(file), env=env).stderr


def test_a_locked_out_operator_is_let_in(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    run("migrate", env=env)
    reset = ["operator", "reset-factors", "--email", "olga@example.com"]
    assert "No operator has this address" in run(*reset, env=env).output
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with application(), db.transaction() as session:
        community_id = communities.ensure_default(session).id
        link = operators.invite(session, community_id, "olga@example.com", "owner")
        made = operators.accept(session, link.token, NewOperator("olga@example.com", "Olga", "hash"))
        assert made
        id_ = made.id
    assert "has no second factor" in run(*reset, env=env).output
    with application(), db.transaction() as session:
        session.add(OperatorApp(operator_id=id_, sealed_secret="sealed", created_at=1, confirmed_at=1))
    done = run(*reset, "--json", env=env)
    assert json.loads(done.stdout) == {"id": id_, "email": "olga@example.com"}
    with application(), db.reading() as session:
        assert not factors.has_any(session, id_)
