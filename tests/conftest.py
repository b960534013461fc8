"""Fixtures of the whole suite.

A test runs on SQLite and on PostgreSQL where the kind of database can make a difference: services, queries,
migrations, concurrency, faults, and the main path of each feature. Modules about pages, errors of a protocol,
roles and clients run on SQLite alone (`pytestmark = pytest.mark.database("sqlite")`), save for those of their
tests that race, or that bring a statement to PostgreSQL which no other test does: each statement of the code
is run there by at least one test.
"""

import contextvars
import shutil
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import trustme
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from tests.support.browser import chromium
from tests.support.compiled import compile_once
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.receiver import Receiver
from tests.support.valkey import ValkeyServer
from werkzeug.serving import make_server

from msidp import db, migrating
from msidp.app import create_app
from msidp.cli.children import allow_files
from msidp.communities import service as communities
from msidp.keys import service as keys
from msidp.settings import Settings
from msidp.vault.fields import cipher

SECRET_KEY = "a-secret-key-for-tests"
TEMPLATE = "msidp_template"
DATABASES = ("sqlite", "postgresql")
LONG = (  # where the tests are that take longest: they start processes, or a browser
    "tests/faults", "tests/bench", "tests/flows", "tests/cli", "tests/apidocs", "tests/accounts/test_tour.py",
    "tests/dashboard/test_in_chromium.py", "tests/dashboard/test_second_factor_in_chromium.py",
    "tests/test_wheel.py", "tests/test_db.py", "tests/webhooks/test_isolation.py",
)  # fmt: skip

compile_once()
allow_files(8192)  # as the commands do for themselves

# A busy machine is no failure.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the fault tests counted: they pass either way, but a reader wants the figures."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "ledger":
                terminalreporter.write_line(f"ledger: {value}")


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.stop()


def migrated(url: str, instance: Path) -> None:
    """Bring a fresh database to the present shape, with its community and first signing key."""
    app = create_app(Settings(instance_dir=instance, database_url=url, secret_key=SECRET_KEY).completed())
    with app.app_context():
        migrating.migrate()
        with db.transaction() as session:
            keys.ensure(session, cipher(), communities.ensure_default(session).id)
        db.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    postgres.create_database(TEMPLATE)
    migrated(postgres.url(TEMPLATE), tmp_path_factory.mktemp("template"))
    postgres.remember(TEMPLATE)
    return TEMPLATE


@pytest.fixture(scope="session")
def postgres_database(postgres: PostgresServer, postgres_template: str) -> str:
    """The one that tests have after each other."""
    postgres.create_database("tests", postgres_template)
    return "tests"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "msidp.db"
    migrated(f"sqlite:///{path}", path.parent)
    return path


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Begin with what takes long. What shares a fixture of its module stays on one worker."""
    for item in items:
        shared = {
            name
            for name, fixtures in item._fixtureinfo.name2fixturedefs.items()
            if any(fixture.scope == "module" for fixture in fixtures)
        }
        if shared:
            kinds = [str(value) for name, value in parameters(item).items() if name in shared]
            group = "-".join([item.path.parent.name, item.path.stem, *kinds])
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def parameters(item: pytest.Function) -> dict[str, object]:
    """What a test is parametrised with."""
    return item.callspec.params if hasattr(item, "callspec") else {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test on each kind of database, or on those that its mark names."""
    asked = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "database_url" in metafunc.fixturenames and "database_url" not in asked:
        mark = metafunc.definition.get_closest_marker("database")
        metafunc.parametrize("database_url", mark.args if mark else DATABASES, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of each kind, with nothing in it but its community and signing key."""
    if request.param == "sqlite":
        path = tmp_path / "msidp.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    if request.node.get_closest_marker("own_database"):
        server.create_database("own", request.getfixturevalue("postgres_template"))
        yield server.url("own")
        server.drop_database("own")
        return
    name = request.getfixturevalue("postgres_database")
    yield server.url(name)
    server.reset(name)


@pytest.fixture
def settings(database_url: str, valkey: ValkeyServer, tmp_path: Path) -> Settings:
    """Settings of an instance that is ready to use. Tests may `model_copy(update=…)` them."""
    valkey.client.flushall()
    return Settings(
        instance_dir=tmp_path,
        base_url=f"http://127.0.0.1:{free_port()}",
        database_url=database_url,
        redis_url=valkey.url,
        secret_key=SECRET_KEY,
        outbound_allow_http=True,
        outbound_allow_networks="127.0.0.0/8",
    ).completed()


class SeparateClient(FlaskClient):
    """A client whose requests each get an application context of their own, as on a server.

    Within the context of the `app` fixture Flask would reuse that one, `g` and all it caches included.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application, inside its context."""
    application = create_app(settings)
    application.test_client_class = SeparateClient
    with application.app_context():
        yield application
        db.dispose()


@pytest.fixture
def community_id(app: Flask) -> str:
    with db.transaction() as session:
        return communities.ensure_default(session).id


@pytest.fixture
def secret_key(community_id: str) -> str:
    """A secret key of the Admin API."""
    with db.transaction() as session:
        return communities.create_api_key(session, community_id, "tests").secret_key


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """An anonymous HTTP client."""
    return app.test_client()


@pytest.fixture
def admin(app: Flask, secret_key: str) -> FlaskClient:
    """A client that sends the secret key with each request."""
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = secret_key
    return client


@pytest.fixture
def owner_admin(app: Flask, community_id: str) -> FlaskClient:
    """A client that sends an owner's secret key."""
    with db.transaction() as session:
        key = communities.create_api_key(session, community_id, "owner's", "owner")
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = key.secret_key
    return client


@pytest.fixture
def base_url(app: Flask, settings: Settings) -> Iterator[str]:
    """The application behind a real socket. It has no worker: tests drain themselves."""
    server = make_server("127.0.0.1", int(settings.base_url.rsplit(":", 1)[1]), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield settings.base_url
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """The authority that issues the tests' certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For MSIDP_OUTBOUND_CA_FILE."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def tls(ca: trustme.CA) -> ssl.SSLContext:
    """A server's TLS for localhost and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, which takes a second to start. Tests have it after each other, each in tabs of its own."""
    with chromium() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver over http."""
    with Receiver() as running:
        yield running


@pytest.fixture
def tls_receiver(tls: ssl.SSLContext) -> Iterator[Receiver]:
    """A webhook receiver over https, trusted through `ca_file`."""
    with Receiver(tls) as running:
        yield running
