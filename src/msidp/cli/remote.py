"""The Admin API for commands: of the instance of this directory, in this process, or of a site anywhere."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

from msidp.cli.common import Refused

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from msidp.admin.transport import Transport

URL = click.option(
    "--url", envvar="MSIDP_URL", help="The msidp to talk to  [default: this directory's instance]"
)
API_KEY = click.option("--api-key", envvar="MSIDP_API_KEY", help="A secret key (sk_…) of the msidp at --url.")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, its body piece by piece as it comes."""

    status: int
    media_type: str
    pieces: Iterable[bytes]


class Api(Protocol):
    """What both can do."""

    def send(self, method: str, path: str, body: Any) -> Reply:
        """Whatever is answered. Raises ClickException where nobody answers."""


def call(api: Api, method: str, path: str, body: Any = None) -> Any:
    """The JSON of a success, None where it has none. Raises Refused."""
    return read(checked(api.send(method, path, body)))


def checked(reply: Reply) -> Reply:
    """The reply of a success. Raises Refused."""
    if 200 <= reply.status < 300:
        return reply
    told = read(reply)
    if not isinstance(told, dict) or not {"code", "message"} <= told.keys():
        raise click.ClickException(f"The answer has the status {reply.status}.")
    raise Refused(told, reply.status)


def read(reply: Reply) -> Any:
    """The JSON of a reply, None where it has none: plan changes answer with the text OK."""
    try:
        return json.loads(b"".join(reply.pieces))
    except (ValueError, RecursionError):
        return None


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

    def send(self, method: str, path: str, body: Any) -> Reply:
        from msidp.admin.errors import Unreachable

        try:
            status, content_type, pieces = self._transport.stream(method, path, body)
        except Unreachable as error:
            raise click.ClickException(str(error)) from None
        return Reply(status, content_type.partition(";")[0].strip(), pieces)


class _Local:
    def __init__(self, client: "FlaskClient") -> None:
        self._client = client

    def send(self, method: str, path: str, body: Any) -> Reply:
        answer = self._client.open(path, method=method, json=body)
        return Reply(answer.status_code, answer.mimetype or "", answer.iter_encoded())


@contextmanager
def _local() -> Iterator[Api]:
    """The application itself, asked by the same calls in the name of this machine's user."""
    import structlog

    from msidp import db
    from msidp.app import create_app
    from msidp.cli.common import load_settings, require_instance, require_tables, user
    from msidp.communities.guard import COMMAND_LINE

    require_instance()
    app = create_app(load_settings())
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)  # the calls are this command's own
    structlog.configure(wrapper_class=quiet)
    with app.app_context():
        require_tables()
    client = app.test_client()
    client.environ_base |= {COMMAND_LINE: user(), "HTTP_ACCEPT": "application/json"}
    try:
        yield _Local(client)
    finally:
        with app.app_context():
            db.dispose()
