"""The errors that reach a caller of the Admin API, each with its HTTP status and code.

Services raise them; `msidp.error_answers` writes them as `{code, message, details?}`.
"""

from typing import Any


class Problem(Exception):
    """What is wrong, in words the caller may see. Subclasses fix the status."""

    status = 400

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}

    def as_json(self) -> dict[str, Any]:
        """The body of the error answer."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            body["details"] = self.details
        return body


class BadRequest(Problem):
    status = 400


class Unauthorized(Problem):
    status = 401


class Forbidden(Problem):
    status = 403


class NotFound(Problem):
    status = 404


class Conflict(Problem):
    status = 409


class TooSlow(Problem):
    status = 408


class Gone(Problem):
    status = 410


class TooLarge(Problem):
    status = 413


class Invalid(Problem):
    status = 422


class TooManyRequests(Problem):
    status = 429


class Unsupported(Problem):
    status = 501


class Busy(Problem):
    status = 503


UNREADABLE = (BadRequest, TooSlow, TooLarge, Unsupported)
"""What a request is refused with whose body cannot be had."""
