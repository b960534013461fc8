"""`msidp api`: every operation of the Admin API at the command line."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from msidp.cli.remote import API_KEY, URL, Api, Reply, checked, connect, read

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PAGE = 100


@click.command()
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@click.option(
    "--data", "-d", metavar="JSON|@FILE|-", help="The body: JSON, a file of it, or the standard input."
)
@click.option(
    "--field", "-f", "fields", multiple=True, metavar="NAME=TEXT|NAME=@FILE",
    help="A field of the body that is text, or the text of a file.",
)  # fmt: skip
@click.option("--query", "-q", multiple=True, metavar="NAME=VALUE", help="A parameter of the query.")
@click.option("--all", "all_pages", is_flag=True, help="Every page of a list: one line of JSON an item.")
@URL
@API_KEY
def api(
    method: str, path: str, data: str | None, fields: tuple[str, ...], query: tuple[str, ...],
    all_pages: bool, url: str | None, api_key: str | None,
) -> None:  # fmt: skip
    """Call the Admin API: METHOD and PATH, as /docs lists them.

    On this directory's instance it needs no key and nothing running: it may do everything, and the audit
    log names who is logged in at this machine. The answer is printed as JSON, exports as they come. What is
    refused is told on the standard error, and the status is 1.

    \b
    msidp api GET /members -q first=10
    msidp api PATCH /community -f name="Our club"
    msidp api POST /members/import -f source=csv -f content=@members.csv
    msidp api GET /deliveries --all -q status=failed
    """
    method = method.upper()
    if not path.startswith("/"):
        raise click.BadParameter("begins with a slash, e.g. /members", param_hint="PATH")
    asked = [_pair(each, "--query") for each in query]
    body = _body(data, fields)
    if all_pages and (method != "GET" or body is not None):
        raise click.UsageError("--all goes with GET.")
    with connect(url, api_key) as client:
        if all_pages:
            for item in _items(client, path, asked):
                click.echo(_safe(json.dumps(item, ensure_ascii=False)))
        else:
            _print(checked(client.send(method, _with_query(path, asked), body)))


def _items(client: Api, path: str, asked: list[tuple[str, str]]) -> Iterator[Any]:
    """The items of every page, each page read when it is wanted."""
    after: int | None = None
    while True:
        cursor = [("after", str(after))] if after is not None else []
        size = [] if any(name in ("first", "limit") for name, _ in asked) else [("first", str(_PAGE))]
        page = read(checked(client.send("GET", _with_query(path, asked + size + cursor), None)))
        if not isinstance(page, dict) or "hasNextPage" not in page:
            raise click.UsageError(f"{path} is no list; leave --all out.")
        yield from page["data"]
        if not page["hasNextPage"]:
            return
        after = page["endCursor"]


def _with_query(path: str, asked: list[tuple[str, str]]) -> str:
    return path + ("&" if "?" in path else "?") + urlencode(asked) if asked else path


def _pair(text: str, option: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return name, value


def _body(data: str | None, fields: Iterable[str]) -> Any:
    """The body of the request; None for none. Raises BadParameter."""
    body: Any = None
    if data is not None:
        text = sys.stdin.read() if data == "-" else _file(data[1:]) if data.startswith("@") else data
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise click.BadParameter(f"this is not JSON: {error}", param_hint="--data") from None
    for name, value in (_pair(each, "--field") for each in fields):
        if not isinstance(body, dict | None):
            raise click.BadParameter("needs --data to be an object", param_hint="--field")
        body = {**(body or {}), name: _file(value[1:]) if value.startswith("@") else value}
    return body


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise click.ClickException(f"{path}: {reason}") from None


def _print(reply: Reply) -> None:
    if reply.media_type == "application/json":
        click.echo(_safe(json.dumps(read(reply), indent=2, ensure_ascii=False)))
        return
    sys.stdout.flush()
    for piece in reply.pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _safe(text: str) -> str:
    """JSON as it was, with what would move a terminal's cursor or turn a line around written as an escape."""
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)
