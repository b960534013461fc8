"""The client of one msidp."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, Self

from msidp.admin.errors import Unreachable
from msidp.admin.models import Event, Member, TokenClaims
from msidp.admin.tokens import TokenVerifier
from msidp.admin.transport import Transport, segment
from msidp.admin.webhooks import DEFAULT_TOLERANCE, Headers, verify_webhook


class _Unset:
    """Marks what a call leaves as it is, where None is a value of its own."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()
JsonObject = Mapping[str, Any]


class AdminClient:
    """A backend's access to msidp. One per process is enough: it is thread-safe and keeps its connections.

    `api_key` is the secret key `sk_…`; None suffices for `verify_token` and `verify_webhook`. `timeout`
    bounds each attempt of a request in seconds. `member_token_issuer` is the server's setting
    MSIDP_MEMBER_TOKEN_ISSUER, where that differs from its address. `leeway` is how many seconds the
    two clocks may disagree.

    Calls raise `ApiError` (or one of its kinds) when msidp refuses them and `Unreachable` when it cannot
    be reached.
    """

    def __init__(
        self,
        api_key: str | None,
        base_url: str,
        *,
        timeout: float = 10.0,
        member_token_issuer: str | None = None,
        leeway: float = 0.0,
    ) -> None:
        self._transport = Transport(api_key, base_url, timeout)
        self._tokens = TokenVerifier(self._transport, member_token_issuer=member_token_issuer, leeway=leeway)

    def __repr__(self) -> str:
        return f"AdminClient(base_url={self._transport.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def verify_token(self, token: str, *, audience: str | None = None) -> TokenClaims:
        """Verify an ID token, an access token or a member session token, without asking the server.

        Give `audience` (your client id, your API's name, or the `app_…` id) wherever you know it: a token
        made for somebody else is then refused. Raises InvalidToken, or Unreachable while the provider's
        keys have never been fetched.
        """
        return self._tokens.verify(token, audience)

    @staticmethod
    def verify_webhook(
        payload: bytes | str, headers: Headers, secret: str, *, tolerance: float = DEFAULT_TOLERANCE
    ) -> Event:
        """Check who sent a webhook, and read it: `msidp.admin.verify_webhook`. Raises InvalidSignature."""
        return verify_webhook(payload, headers, secret, tolerance=tolerance)

    def get_member(self, id_or_email: str, *, include_json: bool = False) -> Member | None:
        """The member with this id (`mem_…`) or address; None when there is none."""
        found = _data(self._transport.get(f"/members/{segment(id_or_email)}", _json_query(include_json)))
        return Member.from_json(found) if found is not None else None

    def list_members(
        self, *, order: Literal["ASC", "DESC"] = "ASC", page_size: int = 100, include_json: bool = False
    ) -> Iterator[Member]:
        """All members, oldest first (`DESC`: newest first). A page is asked for when it is needed."""
        query = {"first": page_size, "order": order, **_json_query(include_json)}
        while True:
            page = self._transport.get("/members", query)
            members = _data(page)
            yield from map(Member.from_json, members)
            if not page["hasNextPage"] or not members:
                return
            query["after"] = page["endCursor"]

    def create_member(
        self,
        email: str,
        *,
        password: str | None = None,
        plans: Iterable[str] = (),
        verified: bool | _Unset = UNSET,
        role: str | _Unset = UNSET,
        profile: JsonObject | _Unset = UNSET,
        profile_image: str | None = None,
        custom_fields: JsonObject | _Unset = UNSET,
        meta_data: JsonObject | _Unset = UNSET,
        json: Any = UNSET,
        login_redirect: str | None = None,
        idempotency_key: str | None = None,
    ) -> Member:
        """Create a member on these plans (ids of free plans). Raises Conflict when the address is taken.

        `profile` takes OpenID's standard claims (`name`, `given_name`, …). Without a password the member
        sets one by mail. With an `idempotency_key` of your own, a call that is repeated after a crash
        returns the member that the first one made.
        """
        body = _given(
            email=email,
            password=UNSET if password is None else password,
            plans=[{"planId": plan} for plan in plans] or UNSET,
            verified=verified,
            role=role,
            profile=profile,
            profileImage=UNSET if profile_image is None else profile_image,
            customFields=custom_fields,
            metaData=meta_data,
            json=json,
            loginRedirect=UNSET if login_redirect is None else login_redirect,
        )
        return Member.from_json(_data(self._transport.post("/members", body, idempotency_key)))

    def update_member(
        self,
        member_id: str,
        *,
        email: str | _Unset = UNSET,
        verified: bool | _Unset = UNSET,
        role: str | _Unset = UNSET,
        profile: JsonObject | _Unset = UNSET,
        profile_image: str | _Unset | None = UNSET,
        custom_fields: JsonObject | _Unset = UNSET,
        meta_data: JsonObject | _Unset = UNSET,
        json: Any = UNSET,
        login_redirect: str | _Unset | None = UNSET,
    ) -> Member:
        """Change what is given and leave the rest. Raises NotFound.

        `profile`, `custom_fields` and `meta_data` are merged into what is there, key by key; `json`
        replaces it.
        """
        body = _given(
            email=email,
            verified=verified,
            role=role,
            profile=profile,
            profileImage=profile_image,
            customFields=custom_fields,
            metaData=meta_data,
            json=json,
            loginRedirect=login_redirect,
        )
        return Member.from_json(_data(self._transport.patch(f"/members/{segment(member_id)}", body)))

    def delete_member(self, member_id: str) -> None:
        """Delete a member with everything that belongs to it. Raises NotFound."""
        self._transport.delete(f"/members/{segment(member_id)}")

    def add_plan(self, member_id: str, plan_id: str) -> None:
        """Put a member on a free plan. Raises NotFound, or Conflict when it is on it already."""
        self._transport.post(f"/members/{segment(member_id)}/add-plan", {"planId": plan_id})

    def remove_plan(self, member_id: str, plan_id: str) -> None:
        """Take a member off a free plan. Raises NotFound."""
        self._transport.post(f"/members/{segment(member_id)}/remove-plan", {"planId": plan_id})

    def publish_event(
        self,
        event: str,
        data: JsonObject,
        *,
        timestamp: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Publish an event of your own application to every subscribed webhook; returns its id.

        `event` is one of MemberPad's types for what happens outside (`payment.succeeded`, …) or a
        registered custom type; `timestamp` says when it happened (aware; now, if left out). Raises
        InvalidRequest when the type is unknown or the data does not fit its schema.
        """
        if timestamp is not None and timestamp.tzinfo is None:
            raise ValueError("timestamp needs a zone, e.g. datetime.now(UTC)")
        when = UNSET if timestamp is None else timestamp.isoformat()
        body = _given(event=event, data=data, timestamp=when)
        published: str = _data(self._transport.post("/events", body, idempotency_key))["id"]
        return published


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not UNSET}


def _data(answer: Any) -> Any:
    if not isinstance(answer, dict) or "data" not in answer:
        raise Unreachable("The answer is not one of msidp. Is base_url right?")
    return answer["data"]


def _json_query(include_json: bool) -> dict[str, Any]:
    return {"includeJSON": "true"} if include_json else {}
