"""What every exchange shares: security headers, request ids, CSRF.

CSRF tokens live in Flask's signed session cookie; who is logged in does not (see `msidp.accounts`).
"""

import hashlib
import re
import secrets
import time
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from flask import Flask, Request, Response, current_app, g, request, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from msidp import error_answers, logs, metrics, negotiation
from msidp.incoming import StrictRequest, check_head, present_request
from msidp.page_policy import content_security_policy
from msidp.settings import Settings

REFUSAL = (
    "msidp.refusal"  # in the environ: why the server did not take the body, one of those in error_answers
)
STREAMED = "msidp.streamed"  # in the environ: the answer's pieces may be sent one by one, from another thread
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),  # no-referrer would make a form's Origin null
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)

log = structlog.get_logger(__name__)


class FormGuard:
    """Refuses forms that another site sends: by the origin the browser names, then by their token."""

    def __init__(self) -> None:
        self._tokens = CSRFProtect()

    def init_app(self, app: Flask) -> None:
        """Give the templates `csrf_token()`."""
        self._tokens.init_app(app)

    def protect(self) -> None:
        """Check the present request. Raises CSRFError."""
        self.check_origin()
        self._tokens.protect()

    def check_origin(self) -> None:
        """Check only what the browser says of where it comes from. Raises CSRFError."""
        if request.method not in ("GET", "HEAD", "OPTIONS") and _comes_from_elsewhere():
            raise CSRFError("The form was sent by another site.")


csrf = FormGuard()


class LazySessions(SecureCookieSessionInterface):
    """Flask's signed session cookie; without one, no signer is made only to find nothing."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of this request."""
        if "HTTP_COOKIE" not in request.environ or self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


def init_app(app: Flask, settings: Settings) -> None:
    """Install the shared behaviour on this app."""
    app.request_class = StrictRequest
    app.session_interface = LazySessions()
    app.url_map.merge_slashes = False  # its redirects would name the host the client claims to have called
    app.config |= {
        "SECRET_KEY": settings.secret_keys[0],
        "SECRET_KEY_FALLBACKS": list(settings.secret_keys[1:]),
        "SESSION_COOKIE_NAME": cookie_name(settings, "form"),
        "SESSION_COOKIE_SECURE": settings.secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,  # the token lives as long as its session
        "WTF_CSRF_CHECK_DEFAULT": False,  # features that show forms call csrf.protect() themselves
        "WTF_CSRF_SSL_STRICT": False,  # asks for a Referer; FormGuard looks at Sec-Fetch-Site and Origin
    }
    app.jinja_env.globals["asset"] = asset_url
    csrf.init_app(app)
    negotiation.init_app(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_finish)
    error_answers.init_app(app)


def cookie_name(settings: Settings, name: str) -> str:
    """A cookie's name: `__Host-` wherever https makes the browser hold to it."""
    return f"__Host-msidp_{name}" if settings.secure else f"msidp_{name}"


def let_forms_lead_away() -> None:
    """Let what this page's forms begin end at another site: at an application, or wherever that leads on to.

    Browsers apply form-action to every redirect behind a form, so that any list would break the log-in of
    an application whose callback redirects elsewhere (see docs/decisions).
    """
    g.forms_lead_away = True


def asset_url(filename: str) -> str:
    """The address of a static file, with its version: it may be cached for ever."""
    return url_for("static", filename=filename, v=_version(Path(current_app.static_folder or "", filename)))


@cache
def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _comes_from_elsewhere() -> bool:
    """Whether the browser says that another site sent this request. Old ones and programs say nothing."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    settings: Settings = current_app.extensions["msidp_settings"]
    ours = (request.host, urlsplit(settings.base_url).netloc)
    return origin is not None and origin.partition("://")[2] not in ours


def _begin() -> None:
    asked = present_request()
    environ = asked.environ
    given = environ.get("HTTP_X_REQUEST_ID", "")
    reference = given if _REQUEST_ID.match(given) else f"req_{secrets.token_hex(12)}"
    kept = g._get_current_object()  # noqa: SLF001
    kept.begun_at, kept.request_id = time.perf_counter(), reference
    logs.concern(request_id=reference)
    check_head(environ)
    _ = asked.args  # what cannot be read is refused here, whoever would have read it
    if refusal := environ.get(REFUSAL):
        raise error_answers.of_server(refusal)


def _finish(response: Response) -> Response:
    headers = response.headers
    asked = present_request()
    kept = g._get_current_object()  # noqa: SLF001
    defaults = [*_HEADERS, ("Content-Security-Policy", content_security_policy(response))]
    defaults.append(("X-Request-Id", kept.get("request_id", "")))
    if asked.scheme == "https":
        defaults.append(("Strict-Transport-Security", "max-age=31536000"))
    if asked.endpoint != "static":
        defaults.append(("Cache-Control", "no-store"))
    elif "v" in asked.args and response.status_code == 200:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    negotiation.label(response)
    present = {name.lower() for name, _ in headers}  # setdefault() would look through all of them each time
    added = [pair for pair in defaults if pair[0].lower() not in present]
    headers._list += added  # noqa: SLF001  # add() checks each for what our own values cannot have
    took = time.perf_counter() - kept.begun_at
    _log_request(asked, response.status_code, took)
    _count_request(asked, response.status_code, took)
    return response


def _count_request(asked: Request, status: int, took: float) -> None:
    """For the metrics: by route and not by path, so that nobody makes up labels."""
    endpoint = asked.endpoint or "none"
    method = asked.method if asked.method in _METHODS else "other"
    times = metrics.observed("msidp_http_request_seconds", (endpoint,), took)
    requests = metrics.series("msidp_http_requests", (endpoint, method, str(status)))
    metrics.recorder().add([(requests, 1), *times])


def _log_request(asked: Request, status: int, took: float) -> None:
    """One line a request, without its query: codes and tokens travel there."""
    log.info(
        "request",
        method=asked.method,
        path=asked.path,
        status=status,
        ms=round(took * 1000, 1),
        address=asked.remote_addr,
    )
