"""What the SDK hands out: frozen dataclasses. `raw` is what was on the wire, newer fields included."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self


def _raw() -> Any:
    return field(repr=False, compare=False)


def _object() -> Any:
    """A dict takes part in `==` but not in `hash()`."""
    return field(hash=False)


@dataclass(frozen=True, slots=True)
class Payment:
    """How a connection to a paid plan is paid."""

    amount: float | None
    currency: str | None
    status: str | None
    price_id: str | None
    last_billing_date: datetime | None
    next_billing_date: datetime | None
    cancel_at_date: datetime | None
    raw: Mapping[str, Any] = _raw()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            amount=data.get("amount"),
            currency=data.get("currency"),
            status=data.get("status"),
            price_id=data.get("priceId"),
            last_billing_date=_from_seconds(data.get("lastBillingDate")),
            next_billing_date=_from_seconds(data.get("nextBillingDate")),
            cancel_at_date=_from_seconds(data.get("cancelAtDate")),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class PlanConnection:
    """A member on a plan."""

    id: str
    active: bool
    status: str  # ACTIVE, TRIALING, REQUIRES_PAYMENT, REQUIRES_AUTHENTICATION, CANCELED
    plan_id: str
    plan_name: str | None
    type: str | None  # FREE, SUBSCRIPTION, ONETIME
    payment: Payment | None
    raw: Mapping[str, Any] = _raw()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        payment = data.get("payment")
        return cls(
            id=data["id"],
            active=bool(data.get("active")),
            status=data["status"],
            plan_id=data["planId"],
            plan_name=data.get("planName"),
            type=data.get("type"),
            payment=Payment.from_json(payment) if isinstance(payment, Mapping) else None,
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the Admin API shows one. `json` is None unless it was asked for."""

    id: str
    email: str
    verified: bool
    has_password: bool
    role: str | None
    created_at: datetime | None
    last_login: datetime | None
    profile_image: str | None
    login_redirect: str | None
    profile: Mapping[str, Any] = _object()  # OpenID standard claims: name, given_name, …
    custom_fields: Mapping[str, Any] = _object()
    meta_data: Mapping[str, Any] = _object()
    permissions: tuple[str, ...] = ()
    plan_connections: tuple[PlanConnection, ...] = ()
    json: Any = field(default=None, hash=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        auth = data.get("auth") or {}
        return cls(
            id=data["id"],
            email=auth.get("email", ""),
            verified=bool(data.get("verified")),
            has_password=bool(auth.get("hasPassword")),
            role=data.get("role"),
            created_at=moment(data.get("createdAt")),
            last_login=moment(data.get("lastLogin")),
            profile_image=data.get("profileImage"),
            login_redirect=data.get("loginRedirect"),
            profile=data.get("profile") or {},
            custom_fields=data.get("customFields") or {},
            meta_data=data.get("metaData") or {},
            permissions=tuple(data.get("permissions") or ()),
            plan_connections=tuple(map(PlanConnection.from_json, data.get("planConnections") or ())),
            json=data.get("json"),
            raw=data,
        )

    def has_plan(self, plan_id: str) -> bool:
        """Whether the member is on this plan now."""
        return any(found.plan_id == plan_id and found.active for found in self.plan_connections)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The claims of a verified token. All of them can be had by their own names: `claims["nonce"]`.

    `kind` tells what it was made for: `id` (it tells a client application who logged in), `access`
    (it opens an API; `scope` says how far) or `session` (the front end's member session).
    """

    kind: Literal["id", "access", "session"]
    subject: str
    issuer: str
    audience: tuple[str, ...]
    expires_at: datetime
    issued_at: datetime | None
    scope: frozenset[str]
    client_id: str | None
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    def __getitem__(self, name: str) -> Any:
        """A claim by its name in the token. Raises KeyError; `claims.raw.get(name)` does not."""
        return self.raw[name]

    @property
    def member_id(self) -> str | None:
        """The member's `mem_…` id; None for a token that an application got for itself."""
        return self.subject if self.subject.startswith("mem_") else None


@dataclass(frozen=True, slots=True)
class Event:
    """A verified webhook.

    `type` is the event's name in the endpoint's dialect. `data` is what the dialect calls `payload`
    (memberstack) or `data` (memberpad, standard). `id` is the same for every attempt and endpoint:
    remember it to notice a repetition. `signed_at` is None where `X-MemberPad-Signature` was all there
    was: it covers the body alone, neither a time nor the id, which is then the delivery's.
    """

    id: str
    type: str
    timestamp: datetime | None
    data: Mapping[str, Any] = field(hash=False)
    dialect: Literal["memberstack", "memberpad", "standard"]
    signed_at: datetime | None
    reason: tuple[str, ...] = ()  # on member.updated of the memberstack dialect: what changed
    community_id: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def moment(value: Any) -> datetime | None:
    """An ISO 8601 text, or milliseconds since 1970, as a moment in UTC; None for anything else."""
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _from_seconds(value: Any) -> datetime | None:
    return moment(value * 1000) if isinstance(value, (int, float)) else None
