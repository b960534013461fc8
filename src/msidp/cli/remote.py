"""The Admin API for commands: of the instance of this directory, in this process, or of a site anywhere."""

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from msidp.admin.transport import Transport

URL = click.option(
    "--url", envvar="MSIDP_URL", help="The msidp to talk to  [default: this directory's instance]"
)
API_KEY = click.option("--api-key", envvar="MSIDP_API_KEY", help="A secret key (sk_…) of the msidp at --url.")


class Refused(click.ClickException):
    """msidp refused a call; `code` is the API's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Api(Protocol):
    """What both can do."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a success, None where it has none. Raises Refused."""


@contextmanager
def connect(url: str | None, api_key: str | None) -> Iterator[Api]:
    """The Admin API at this URL, or without one that of the instance in this directory."""
    if url is None:
        with _local() as api:
            yield api
        return
    from msidp.admin.transport import Transport

    if not api_key:
        raise click.UsageError("--url needs --api-key (or MSIDP_API_KEY).")
    try:
        transport = Transport(api_key, url, timeout=15)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    try:
        yield _Remote(transport)
    finally:
        transport.close()


class _Remote:
    def __init__(self, transport: "Transport") -> None:
        self._transport = transport

    def call(self, method: str, path: str, body: Any = None) -> Any:
        from msidp.admin.errors import ApiError, Unreachable

        calls: dict[str, Callable[[], Any]] = {
            "GET": lambda: self._transport.get(path),
            "POST": lambda: self._transport.post(path, body),
            "PATCH": lambda: self._transport.patch(path, body),
            "DELETE": lambda: self._transport.delete(path),
        }
        try:
            return calls[method]()
        except ApiError as error:
            raise Refused(error.code, error.message) from None
        except Unreachable as error:
            raise click.ClickException(str(error)) from None


class _Local:
    def __init__(self, client: "FlaskClient", secret_key: str) -> None:
        self._client = client
        self._headers = {"X-API-KEY": secret_key}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.open(path, method=method, json=body, headers=self._headers)
        told = answer.get_json(silent=True)
        if told is None or answer.status_code < 400:
            return told
        raise Refused(told["code"], told["message"])


@contextmanager
def _local() -> Iterator[Api]:
    """The application itself, asked by the same calls, with a key that lives as long as the command."""
    import structlog

    from msidp import db
    from msidp.app import create_app
    from msidp.cli.common import load_settings, require_instance, require_tables
    from msidp.communities import service as communities

    require_instance()
    app = create_app(load_settings())
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)  # the calls are this command's own
    structlog.configure(wrapper_class=quiet)
    with app.app_context():
        require_tables()
        with db.transaction() as session:
            community_id = communities.ensure_default(session).id
            _revoke_leftovers(session, community_id)
            key = communities.create_api_key(session, community_id, _key_name(os.getpid()))
    try:
        yield _Local(app.test_client(), key.secret_key)
    finally:
        with app.app_context():
            with db.transaction() as session:
                communities.revoke_api_key(session, community_id, key.id)
            db.dispose()


def _key_name(pid: int | str) -> str:
    """What the key of a command is called: by it the next one finds whose process was killed."""
    return f"command line, process {pid} of {socket.gethostname()}"


def _revoke_leftovers(session: "Session", community_id: str) -> None:
    """End the keys of this machine's commands that were killed before they could."""
    from msidp.communities import service as communities

    pattern = re.compile(re.escape(_key_name("PID")).replace("PID", "([0-9]+)", 1))
    for key in communities.list_api_keys(session, community_id):
        found = pattern.fullmatch(key.name)
        if found and not _lives(int(found[1])):
            communities.revoke_api_key(session, community_id, key.id)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
