"""The admin SDK: verify members' tokens and webhooks, and manage members, from a backend service.

It speaks to a running msidp over HTTP and imports nothing of the server. `verify_webhook` needs the
standard library alone; the client, with its HTTP and JOSE libraries, is loaded when it is first named.
"""

from typing import TYPE_CHECKING, Any

from msidp.admin.errors import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    InvalidSignature,
    InvalidToken,
    MsidpError,
    NotFound,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from msidp.admin.models import Event, Member, Payment, PlanConnection, TokenClaims
from msidp.admin.webhooks import verify_webhook

if TYPE_CHECKING:
    from msidp.admin.client import AdminClient

__all__ = [
    "AdminClient",
    "ApiError",
    "Conflict",
    "Event",
    "Forbidden",
    "InvalidRequest",
    "InvalidSignature",
    "InvalidToken",
    "Member",
    "MsidpError",
    "NotFound",
    "Payment",
    "PlanConnection",
    "TokenClaims",
    "TooManyRequests",
    "Unauthorized",
    "Unreachable",
    "verify_webhook",
]


def __getattr__(name: str) -> Any:
    """Load the client at its first use (PEP 562)."""
    if name == "AdminClient":
        from msidp.admin.client import AdminClient

        return AdminClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
