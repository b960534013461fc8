"""What a request holds, read strictly: JSON, forms and queries that are small, whole and UTF-8."""

import re
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Request, request
from werkzeug.datastructures import ImmutableMultiDict

from msidp import canonical
from msidp.errors import BadRequest, NotFound, TooLarge
from msidp.words import words

MAX_BODY = 1_000_000  # bytes; a larger request is 413
MAX_UPLOAD = 10_000_000  # bytes of a request that carries a file
UPLOADS = frozenset({"/dashboard/members/import", "/members/import"})  # the paths that take one
LABORIOUS = frozenset(  # a form here costs a hash
    {
        *("/login", "/signup", "/reset-password", "/dashboard/sign-in"),
        *("/auth/login", "/auth/signup", "/auth/reset-password", "/member-auth", "/member/set-password"),
    }
)
MAX_FORM = 64 * 1024  # bytes of a urlencoded form, which is parsed in one go
MAX_FIELDS = 100  # of a form or a query
MAX_LIST = 2_000  # characters of a header that lists wishes; reading 60 kB of them takes a tenth of a second
_LISTS = ("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE")
_NO_FIELDS: ImmutableMultiDict[str, str] = ImmutableMultiDict()
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")  # a name or address, perhaps a port


class StrictRequest(Request):
    """A request whose JSON and forms are read strictly, whoever reads them."""

    max_form_memory_size = 500_000
    max_form_parts = 500

    @property
    def max_content_length(self) -> int | None:
        """Bytes, by the path."""
        return body_limit(self.path)

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        raise AttributeError("the limit is the path's")

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body as a JSON object. Raises BadRequest for anything else, whatever `silent` says."""
        if "strict_json" not in self.__dict__:
            self.__dict__["strict_json"] = _read_json_object(self.get_data())
        return self.__dict__["strict_json"]

    def _load_form_data(self) -> None:
        if "form" in self.__dict__ or self.mimetype != "application/x-www-form-urlencoded":
            super()._load_form_data()  # leaves alone what is there
            return
        body = self._whole_body()
        if len(body) > MAX_FORM:
            raise TooLarge("too-large", f"The form is larger than {MAX_FORM:,} bytes.")
        self.__dict__ |= {"form": _read_fields(body, "form"), "files": _NO_FIELDS, "stream": BytesIO()}

    def _whole_body(self) -> bytes:
        body = self.environ["wsgi.input"]
        if isinstance(body, BytesIO):  # collected by our own front
            return body.read()
        return self.get_data(parse_form_data=False)

    @cached_property
    def args(self) -> ImmutableMultiDict[str, str]:
        """The parameters of the query. Raises BadRequest."""
        return _read_fields(self.query_string, "query")


def present_request() -> StrictRequest:
    """The present request itself, for those who ask it much: Flask's proxy finds it anew each time."""
    found: StrictRequest = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # as Flask does
    return found


def check_head(environ: dict[str, Any]) -> None:
    """See that the request names one host (RFC 9112, section 3.2) and a path; several hosts come joined.

    Nothing is decided by the host, but a proxy may have taken another one than we. Wishes longer than any
    browser's are not heard. Raises BadRequest, and NotFound for a path that nothing can have: PostgreSQL
    would not even look for it.
    """
    host = environ.get("HTTP_HOST", "")
    if not (_HOST.fullmatch(host) or (not host and environ["SERVER_PROTOCOL"] == "HTTP/1.0")):
        raise BadRequest("invalid-host", "The request must name one host.")
    if not environ["PATH_INFO"].startswith(("/", "*")):
        raise BadRequest("invalid-target", "The request is for no path.")
    for name in _LISTS:
        if len(environ.get(name, "")) > MAX_LIST:
            del environ[name]
    if "\0" in environ["PATH_INFO"]:
        raise NotFound("not-found", words("There is nothing at this address."))


def body_limit(path: str) -> int:
    """How many bytes a request to this path may have."""
    return MAX_UPLOAD if path in UPLOADS else MAX_BODY


def _read_fields(encoded: bytes, what: str) -> ImmutableMultiDict[str, str]:
    """The fields of a query or form, which may be neither many nor anything but UTF-8: werkzeug would read
    other text than was sent. Raises BadRequest.
    """
    if encoded.count(b"&") >= MAX_FIELDS:
        raise BadRequest("too-many-fields", f"The {what} has more than {MAX_FIELDS} fields.")
    if not encoded:
        return _NO_FIELDS
    try:
        pairs = [pair.partition("=") for pair in encoded.decode().split("&") if pair]
        return ImmutableMultiDict([(_decoded(name), _decoded(value)) for name, _, value in pairs])
    except UnicodeDecodeError:
        raise BadRequest("invalid-encoding", f"The {what} is not UTF-8.") from None


def _decoded(text: str) -> str:
    """A name or value of a form (application/x-www-form-urlencoded). Most are what they stand for."""
    if "+" in text:
        text = text.replace("+", " ")
    return unquote_to_bytes(text).decode() if "%" in text else text


def _read_json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = canonical.loads(body)
    except UnicodeDecodeError:
        raise BadRequest("invalid-json", "The body is not UTF-8.") from None
    except ValueError as error:
        raise BadRequest("invalid-json", f"The body is not usable JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadRequest("invalid-json", "The body must be a JSON object.")
    return value
