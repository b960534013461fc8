"""verify_webhook against signatures made by standardwebhooks, and by the recipe in MemberPad's reference."""

import hashlib
import hmac
import time
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook
from tests.support.signed import MEMBERPAD, MEMBERSTACK, OTHER, SECRET, STANDARD, body_of, signed
from werkzeug.datastructures import Headers as WerkzeugHeaders

from msidp.admin import AdminClient, InvalidSignature, verify_webhook


def memberpad_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-MemberPad-Signature": f"sha256={digest}", "X-MemberPad-Delivery": "dlv-1"}


def reason(body: bytes | str, headers: Any, secret: str = SECRET, **options: Any) -> str:
    with pytest.raises(InvalidSignature) as caught:
        verify_webhook(body, headers, secret, **options)
    return caught.value.reason


@pytest.mark.parametrize("family", ["webhook", "svix"])
def test_memberstack(family: str) -> None:
    body = body_of(MEMBERSTACK)
    event = verify_webhook(body, signed(body, family), SECRET)
    assert (event.id, event.type, event.dialect) == ("evt_1", "member.updated", "memberstack")
    assert event.data == MEMBERSTACK["payload"]
    assert event.reason == ("customFields.updated",)
    assert event.timestamp == datetime(2021, 10, 6, 2, 21, 20, 169000, UTC)
    assert event.signed_at is not None
    assert abs(event.signed_at.timestamp() - time.time()) < 5
    assert event.raw == MEMBERSTACK


def test_memberpad_alone() -> None:
    body = body_of(MEMBERPAD)
    event = verify_webhook(body, memberpad_headers(body), SECRET)
    assert (event.id, event.type, event.dialect) == ("dlv-1", "member.joined", "memberpad")
    assert event.community_id == MEMBERPAD["communityId"]
    assert event.timestamp == datetime(2026, 3, 28, 14, 30, tzinfo=UTC)
    assert event.signed_at is None


@pytest.mark.parametrize("secret", ["", "whsec_", " ", "whsec_!"])
def test_a_secret_that_was_never_set_makes_nobody_genuine(secret: str) -> None:
    """Whoever guesses that it is empty could sign."""
    body = body_of(MEMBERPAD)
    assert reason(body, memberpad_headers(body, secret), secret) == "secret"


def test_standard() -> None:
    body = body_of(STANDARD)
    event = verify_webhook(body, signed(body), SECRET)
    assert (event.type, event.data, event.dialect) == ("member.created", {"id": "mem_1"}, "standard")


def test_a_timed_signature_decides_where_there_is_one() -> None:
    body = body_of(MEMBERPAD)
    assert verify_webhook(body, signed(body) | memberpad_headers(body), SECRET).id == "evt_1"
    old = signed(body, at=time.time() - 3600) | memberpad_headers(body)
    assert reason(body, old) == "timestamp"
    assert reason(body, signed(body, secret=OTHER) | memberpad_headers(body)) == "signature"
    assert reason(body, signed(body, "svix", OTHER) | signed(body, secret=OTHER)) == "signature"


def test_the_client_offers_it_too() -> None:
    body = body_of(STANDARD)
    assert AdminClient("sk_x", "http://localhost").verify_webhook(body, signed(body), SECRET).type


@pytest.mark.parametrize(
    "make",
    [
        lambda found: {name.upper(): value for name, value in found.items()},
        lambda found: list(found.items()),
        lambda found: [(name.encode(), value.encode()) for name, value in found.items()],
        lambda found: WerkzeugHeaders(found.items()),
        lambda found: _message(found),
        lambda found: [*found.items(), *found.items()],
    ],
    ids=["upper case", "pairs", "ASGI", "werkzeug", "http.server", "repeated"],
)
def test_headers_of_every_framework(make: Any) -> None:
    body = body_of(STANDARD)
    assert verify_webhook(body, make(signed(body)), SECRET).id == "evt_1"


def _message(headers: dict[str, str]) -> Message:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return message


def test_a_contradictory_header_is_refused() -> None:
    body = body_of(STANDARD)
    pairs = [*signed(body).items(), ("Webhook-Id", "evt_2")]
    assert reason(body, pairs) == "headers"
    assert verify_webhook(body, [*signed(body).items(), ("Via", "a"), ("Via", "b")], SECRET)


def test_several_signatures_during_a_rotation() -> None:
    body = body_of(STANDARD)
    new, old = signed(body), signed(body, secret=OTHER)
    both = new | {"webhook-signature": f"{new['webhook-signature']} {old['webhook-signature']} v1a,AAAA"}
    assert verify_webhook(body, both, SECRET)
    assert verify_webhook(body, both, OTHER)
    assert (
        reason(body, new | {"webhook-signature": new["webhook-signature"].replace("v1,", "v2,")})
        == "signature"
    )


def test_the_tolerance() -> None:
    body = body_of(STANDARD)
    now = time.time()
    assert verify_webhook(body, signed(body, at=now - 290), SECRET)
    assert verify_webhook(body, signed(body, at=now + 290), SECRET)
    assert reason(body, signed(body, at=now - 310)) == "timestamp"
    assert reason(body, signed(body, at=now + 310)) == "timestamp"
    assert reason(body, signed(body, at=now - 20), tolerance=10) == "timestamp"
    assert verify_webhook(body, signed(body, at=now - 310), SECRET, tolerance=400)


@pytest.mark.parametrize("value", ["", "1.5", "-1", "+1", " 1", "٣", "nan", "1" * 13, "1\n"])
def test_unusable_times(value: str) -> None:
    body = body_of(STANDARD)
    assert reason(body, signed(body) | {"webhook-timestamp": value}) == "headers"


def test_what_is_missing() -> None:
    body = body_of(STANDARD)
    assert reason(body, {}) == "missing"
    for name in ("webhook-id", "webhook-timestamp"):
        assert reason(body, {key: value for key, value in signed(body).items() if key != name}) == "headers"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_ä", "whsec_a", "not base64!", "whsec_\ud800"])
def test_unusable_secrets(secret: str) -> None:
    body = body_of(STANDARD)
    assert reason(body, signed(body), secret) == "secret"


def test_secrets_without_prefix_or_padding() -> None:
    body = body_of(STANDARD)
    assert verify_webhook(body, signed(body), SECRET.removeprefix("whsec_"))
    assert verify_webhook(body, signed(body), SECRET.rstrip("="))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"type": 1, "data": {}}',
        b'{"type": "a", "data": []}',
        b'{"event": "a"}',
        b"{",
    ],
)
def test_signed_but_not_an_event(content: bytes) -> None:
    assert reason(content, signed(content)) == "body"


def test_a_parsed_body_is_misuse() -> None:
    with pytest.raises(TypeError, match="as they arrived"):
        verify_webhook({"event": "x"}, {}, SECRET)  # type: ignore[arg-type]


@given(data=st.dictionaries(st.text(), st.text() | st.integers()), event_id=st.from_regex(r"[ -~]{1,40}\Z"))
def test_agrees_with_standardwebhooks(data: dict[str, Any], event_id: str) -> None:
    """Both ways: what the reference signs we accept, and what we accept the reference verifies."""
    body = body_of({"type": "x", "data": data} | ({} if data else {"data": {"": 1}}))
    headers = signed(body, event_id=event_id)
    assert verify_webhook(body, headers, SECRET).data == Webhook(SECRET).verify(body, headers)["data"]


@given(
    position=st.integers(min_value=0),
    bit=st.integers(0, 7),
    family=st.sampled_from(["webhook", "svix", "pad"]),
)
def test_any_flipped_bit_of_the_body_is_noticed(position: int, bit: int, family: str) -> None:
    body = body_of(MEMBERPAD)
    headers = memberpad_headers(body) if family == "pad" else signed(body, family)
    broken = bytearray(body)
    broken[position % len(body)] ^= 1 << bit
    assert reason(bytes(broken), headers) == "signature"


@given(headers=st.dictionaries(
    st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "svix-id", "svix-timestamp",
                     "svix-signature", "x-memberpad-signature"]),
    st.text() | st.just(str(int(time.time()))),
))  # fmt: skip
def test_no_headers_but_the_right_ones_pass(headers: dict[str, str]) -> None:
    assert reason(body_of(STANDARD), headers) in {"missing", "headers", "signature"}
