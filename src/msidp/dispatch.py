"""The way of a request through Flask, shortened where nothing of ours needs its length."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from werkzeug.routing import MapAdapter, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Sent(Response):
    """An answer that goes out as it is, where nothing has to be added to it or taken from it."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Send it. What is streamed, has an end to be told of or is no answer of its own is for werkzeug."""
        headers = self.headers
        if (
            self.status_code // 100 == 3
            or environ["REQUEST_METHOD"] == "HEAD"
            or "Content-Length" not in headers
            or not self.is_sequence
            or self._on_close
        ):
            return super().__call__(environ, start_response)
        start_response(self.status, headers.to_wsgi_list())
        return self.iter_encoded()


class App(Flask):
    """Flask, which finds the routes that are plain paths in a table."""

    response_class = Sent

    @cached_property
    def _plain_routes(self) -> dict[tuple[str, str], Rule]:
        """By method and path, the routes that have no variable part. Of several the first one counts."""
        return {
            (method, rule.rule): rule
            for rule in reversed([*self.url_map.iter_rules()])
            if not (rule.arguments or rule.defaults or rule.redirect_to)
            for method in rule.methods or ()
        }

    def plain_route(self, asked: Request) -> Rule | None:
        """The route of a request, if its path is one."""
        return self._plain_routes.get((asked.method, asked.environ["PATH_INFO"]))

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """None of ours is asynchronous: not to be looked at for each function of each request."""
        return func

    def request_context(self, environ: "WSGIEnvironment") -> RequestContext:
        """The context of one request."""
        return _Context(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """What finds and makes addresses.

        Where there is nothing to find, the host is not looked at: what we make is an address of this host.
        """
        if request is None or self.plain_route(request) is None:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map, request.host, request.root_path or "/", "", request.scheme, request.path, "GET"
        )


class _Context(RequestContext):
    """A request's context, which asks the table first."""

    app: App

    def match_request(self) -> None:
        """Find the route."""
        rule = self.app.plain_route(self.request)
        if rule is None:
            super().match_request()
        else:
            self.request.url_rule, self.request.view_args = rule, {}
