"""The way of a request through Flask, shortened where nothing of ours needs its length.

The endpoints that applications call all the time (`quick`) skip what only pages need: an adapter that matches
paths, a session, functions for after this request alone, signals of its start and end. What is registered for
them runs as ever: hooks before and after, the view, error handlers, teardown. See ADR 0035.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, Flask, Request, Response
from flask.ctx import RequestContext
from flask.globals import _cv_app, _cv_request
from flask.sessions import SessionMixin
from flask.signals import request_tearing_down
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


def quick(bp: Blueprint) -> None:
    """Let this blueprint's plain routes be answered on the short way: they use no session."""
    bp.record(lambda state: state.app.extensions.setdefault("msidp_quick", set()).add(bp.name))


class App(Flask):
    """Flask, which finds the routes that are plain paths in a table."""

    response_class = Sent

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        way = self._quick_ways.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if way is None or "werkzeug.debug.preserve_context" in environ:
            return super().wsgi_app(environ, start_response)
        with _QuickContext(self, environ, way.rule):
            try:
                response = self._answer(way)
            except Exception as error:  # noqa: BLE001  # as Flask does: what a handler could not handle
                response = self.handle_exception(error)
            return response(environ, start_response)

    def _answer(self, way: "_Way") -> Response:
        try:
            found = way.run()
        except Exception as error:  # noqa: BLE001  # whatever a handler is registered for
            found = self.handle_user_exception(error)
        response: Response = self.make_response(found)
        for function in way.after:
            response = function(response)
        return response

    @cached_property
    def _quick_ways(self) -> dict[tuple[str, str], "_Way"]:
        quick_ones = self.extensions.get("msidp_quick", set())
        return {
            key: _Way.of(self, rule)
            for key, rule in self._plain_routes.items()
            if key[0] != "OPTIONS" and rule.endpoint.rpartition(".")[0] in quick_ones
        }

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

    def make_response(self, rv: Any) -> Response:
        """The answer as one of ours. Flask tells first what else it might be."""
        return cast("Sent", Sent.force_type(rv)) if isinstance(rv, Response) else super().make_response(rv)

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call what is registered for the end of requests. Flask looks for it by blueprint, each time."""
        if self.teardown_request_funcs or request_tearing_down.receivers:
            super().do_teardown_request(exc)

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


@dataclass(frozen=True, slots=True)
class _Way:
    """What a quick request passes, in order."""

    rule: Rule
    before: Sequence[Callable[[], Any]]  # the hooks of the application, then those of the blueprint
    view: Callable[[], Any]
    after: Sequence[Callable[[Response], Response]]  # the other way round

    @classmethod
    def of(cls, app: App, rule: Rule) -> "_Way":
        names = (None, rule.endpoint.rpartition(".")[0])
        before: list[Any] = [each for name in names for each in app.before_request_funcs.get(name, ())]
        after: list[Any] = [each for name in names for each in app.after_request_funcs.get(name, ())]
        return cls(rule, before, app.view_functions[rule.endpoint], after[::-1])

    def run(self) -> Any:
        """What answers: the view, unless a hook has something to say first."""
        for function in self.before:
            if (found := function()) is not None:
                return found
        return self.view()


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


class _QuickContext(RequestContext):
    """The same of a quick request: its route is known, and what a page about an error uses waits for one."""

    def __init__(self, app: App, environ: "WSGIEnvironment", rule: Rule) -> None:
        self.app = app
        self.request = app.request_class(environ)
        self.request.url_rule, self.request.view_args = rule, {}
        self.flashes = None
        self._session = None
        self._after_request_functions = []
        self._cv_tokens = []

    @cached_property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]  # Flask makes it at once
        """What makes addresses."""
        return self.app.create_url_adapter(self.request)

    @property
    def session(self) -> SessionMixin:
        """That of the browser, for reading."""
        if self._session is None:
            self._session = self.app.session_interface.open_session(self.app, self.request)
        return super().session

    def push(self) -> None:
        """Make it the present one."""
        outer = _cv_app.get(None)
        context = None if outer is not None and outer.app is self.app else self.app.app_context()
        if context is not None:
            context.push()
        self._cv_tokens.append((_cv_request.set(self), context))
