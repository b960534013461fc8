"""What can go wrong, each with a short machine-readable reason or code beside its message."""

from typing import Any


class MsidpError(Exception):
    """The base of every error the SDK raises, misuse (TypeError, ValueError) aside."""


class InvalidToken(MsidpError):
    """A token that must not be trusted.

    `reason` is one of `malformed`, `algorithm`, `type`, `unknown_key`, `signature`, `expired`,
    `not_yet_valid`, `issuer`, `audience`, `claims`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidSignature(MsidpError):
    """A webhook that must not be trusted.

    `reason` is one of `missing` (no signature), `headers` (unusable or contradictory ones), `secret`
    (not a webhook secret), `signature`, `timestamp` (outside the tolerance), `body` (signed, but no event).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unreachable(MsidpError):
    """msidp could not be reached, or did not answer in time. Whether it acted is not known."""


class ApiError(MsidpError):
    """msidp refused a call. `status` is the HTTP status; `details` lists `{field, message}`."""

    def __init__(self, code: str, message: str, status: int, details: list[dict[str, Any]]) -> None:
        super().__init__(f"{message} [{status} {code}]")
        self.code = code
        self.message = message
        self.status = status
        self.details = details


class Unauthorized(ApiError):
    """401: the API key is missing, unknown or revoked."""


class Forbidden(ApiError):
    """403: the API key may not do this."""


class NotFound(ApiError):
    """404: no such member, plan, …"""


class Conflict(ApiError):
    """409: the address is taken, the member already has the plan, …"""


class InvalidRequest(ApiError):
    """400, 413 or 422: msidp cannot accept these values; `details` says which."""


class TooManyRequests(ApiError):
    """429. `retry_after` is the number of seconds to wait, where msidp named one."""

    retry_after: float | None = None


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidRequest,
    429: TooManyRequests,
}


def api_error(status: int, body: Any, retry_after: str | None) -> ApiError:
    """The error for an answer of this status. `body` is its JSON, or None where it has none."""
    fields = body if isinstance(body, dict) else {}
    code = str(fields.get("code") or "unexpected-answer")
    message = str(fields.get("message") or f"msidp answered with status {status}.")
    details = fields.get("details")
    error = _BY_STATUS.get(status, ApiError)(
        code, message, status, details if isinstance(details, list) else []
    )
    if isinstance(error, TooManyRequests) and retry_after and retry_after.isdecimal():
        error.retry_after = float(retry_after)
    return error
