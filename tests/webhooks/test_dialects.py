"""What each dialect makes of each event, byte by byte, and the signatures as others verify them."""

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.webhooks.samples import (
    AT,
    CANCELED_PLAN,
    CREATED,
    DELETED,
    EVERY,
    JOINED_PLAN,
    MOVED,
    OLD_SECRET,
    PING,
    PUBLISHED,
    RENEWED,
    ROLE_CHANGED,
    SECRET,
    UPDATED,
    happening,
)

from msidp import canonical, clock
from msidp.admin import verify_webhook
from msidp.webhooks import catalogue, signing
from msidp.webhooks.dialects import Happening, Message, hear, prepare

MEMBER = (
    '{"id":"mem_1","auth":{"email":"jörg@example.com","hasPassword":true,"providers":[]},"metaData":{},'
    '"customFields":{"9":"a\u2028b","10":1},"planConnections":[]}'
)
FREE = (
    '{"id":"con_1","active":true,"status":"ACTIVE","planId":"pln_1","planName":"Basic",'
    '"type":"FREE","payment":null}'
)
CANCELED = FREE.replace("true", "false").replace("ACTIVE", "CANCELED")
PAID = (
    '{"id":"con_1","active":true,"status":"ACTIVE","planId":"pln_2","planName":"Pro Monthly",'
    '"type":"SUBSCRIPTION","payment":{"amount":29,"currency":"eur","nextBillingDate":1777300200}}'
)
ABOUT = '"memberId":"mem_1","displayName":"Jörg","email":"jörg@example.com","planName":"Basic"'
SUBSCRIPTION = f'{ABOUT},"planId":"pln_1","connectionId":"con_1","status":"ACTIVE","nextBillingDate":null'
WAS_FREE = '"previousPlanId":"pln_1","previousPlanName":"Basic","previousStatus":"ACTIVE"'
ISO = "2026-03-28T14:30:00.123Z"
PUBLISHED_DATA = '{"postId":"p1","title":"Hé"}'
PING_DATA = '{"webhookId":"whk_1","name":"Test"}'


def memberstack(name: str, payload: str, rest: str = "") -> tuple[str, str]:
    return name, f'{{"event":"{name}","timestamp":{AT},"payload":{payload}{rest}}}'


def memberpad(name: str, data: str) -> tuple[str, str]:
    head = f'{{"event":"{name}","timestamp":"{ISO}","communityId":"a1b2c3d4-e5f6-7890-abcd-ef1234567890"'
    return name, f'{head},"data":{data}}}'


def standard(name: str, data: str) -> tuple[str, str]:
    return name, f'{{"type":"{name}","timestamp":"{ISO}","data":{data}}}'


def plan(connection: str, rest: str = "") -> str:
    return f'{{"id":"mem_1","member":{MEMBER},"planConnection":{connection}{rest}}}'


REASON = ',"reason":["customFields.updated"]'
EXPECTED = [
    (CREATED, memberstack("member.created", MEMBER)),
    (UPDATED, memberstack("member.updated", MEMBER, REASON)),
    (DELETED, memberstack("member.deleted", '{"id":"mem_1"}')),
    (JOINED_PLAN, memberstack("member.plan.created", plan(FREE))),
    (CANCELED_PLAN, memberstack("member.plan.canceled", plan(CANCELED))),
    (MOVED, memberstack("member.plan.updated", plan(PAID, f',"prevPlanConnection":{FREE}'))),
    (PING, memberstack("ping", PING_DATA)),
    (CREATED, memberpad("member.joined", f"{{{ABOUT}}}")),
    (DELETED, memberpad("member.left", f"{{{ABOUT}}}")),
    (
        ROLE_CHANGED,
        memberpad("member.role_changed", f'{{{ABOUT},"role":"admin","previousRole":"member"}}'),
    ),
    (JOINED_PLAN, memberpad("subscription.created", f"{{{SUBSCRIPTION}}}")),
    (
        CANCELED_PLAN,
        memberpad("subscription.cancelled", f"{{{SUBSCRIPTION.replace('ACTIVE', 'CANCELED')}}}"),
    ),
    (RENEWED, memberpad("subscription.renewed", f"{{{SUBSCRIPTION},{WAS_FREE}}}")),
    (
        MOVED,
        memberpad(
            "subscription.plan_changed",
            f"{{{ABOUT.replace('Basic', 'Pro Monthly')},"
            '"planId":"pln_2","connectionId":"con_1","status":"ACTIVE",'
            f'"nextBillingDate":"2026-04-27T14:30:00.000Z",{WAS_FREE}}}',
        ),
    ),
    (PUBLISHED, memberpad("post.published", PUBLISHED_DATA)),
    (PING, memberpad("ping", PING_DATA)),
    (CREATED, standard("member.created", MEMBER)),
    (UPDATED, standard("member.updated", MEMBER[:-1] + REASON + "}")),
    (DELETED, standard("member.deleted", '{"id":"mem_1"}')),
    (
        ROLE_CHANGED,
        standard("member.role_changed", f'{{{ABOUT},"role":"admin","previousRole":"member"}}'),
    ),
    (JOINED_PLAN, standard("member.plan.created", plan(FREE))),
    (CANCELED_PLAN, standard("member.plan.canceled", plan(CANCELED))),
    (RENEWED, standard("member.plan.updated", plan(FREE, f',"prevPlanConnection":{FREE}'))),
    (PUBLISHED, standard("post.published", PUBLISHED_DATA)),
    (PING, standard("ping", PING_DATA)),
]


def dialect_of(body: str) -> str:
    return "standard" if '"type"' in body[:8] else "memberstack" if '"payload"' in body[:80] else "memberpad"


@pytest.mark.parametrize(
    ("event", "expected"), EXPECTED, ids=[f"{dialect_of(body)}-{name}" for _, (name, body) in EXPECTED]
)
def test_each_dialect_tells_it_in_these_bytes(event: Happening, expected: tuple[str, str]) -> None:
    name, body = expected
    assert hear(dialect_of(body), event) == (name, body.encode())


def test_what_is_not_part_of_a_vocabulary_is_not_heard() -> None:
    assert hear("memberpad", UPDATED) is None
    assert hear("memberstack", ROLE_CHANGED) is None
    assert hear("memberstack", PUBLISHED) is None


@pytest.mark.parametrize("dialect", catalogue.DIALECTS)
def test_a_dialect_says_the_names_of_the_catalogue_and_no_others(dialect: str) -> None:
    outside = [happening(each.name, {}) for each in catalogue.TYPES.values() if each.published]
    heard = {found[0] for event in (*EVERY, *outside) if (found := hear(dialect, event))}
    assert heard == {*catalogue.names_in(dialect), "ping"}


def test_memberpad_knows_the_22_types_of_its_reference() -> None:
    assert len(catalogue.names_in("memberpad")) == 22
    assert len(catalogue.names_in("memberstack")) == 6
    assert len(catalogue.names_in("standard")) == 22
    assert sum(each.published for each in catalogue.TYPES.values()) == 15


@pytest.mark.parametrize("dialect", catalogue.DIALECTS)
def test_what_is_told_fits_the_schemas_of_the_catalogue(dialect: str) -> None:
    for event in EVERY:
        heard = hear(dialect, event)
        if heard is None or heard[0] == "ping":
            continue
        envelope = json.loads(heard[1])
        jsonschema_rs.validate(
            catalogue.TYPES[heard[0]].schema,
            envelope.get("payload", envelope.get("data")),
            validate_formats=True,
            offline=True,
        )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(custom=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), json_values))
@pytest.mark.parametrize("dialect", catalogue.DIALECTS)
def test_a_body_is_a_fixed_point_of_the_canonical_form(dialect: str, custom: dict) -> None:
    """So that a receiver which parses and re-serialises it still finds the signed bytes."""
    member = {**CREATED.data["member"], "customFields": custom}
    heard = hear(dialect, happening("member.created", {**CREATED.data, "member": member}))
    assert heard is not None
    assert canonical.dumps(json.loads(heard[1])).encode() == heard[1]


def message(dialect: str) -> Message:
    heard = hear(dialect, CREATED)
    assert heard is not None
    return Message("evt_1", "0b5c8c1e-58ea-4cf8-a3ae-2fd6ed0a42ff", *heard)


@pytest.mark.parametrize("dialect", catalogue.DIALECTS)
def test_standard_webhooks_library_verifies_every_dialect(dialect: str) -> None:
    sent = message(dialect)
    headers, _ = prepare(dialect, sent, (SECRET,), clock.now())
    Webhook(SECRET).verify(sent.body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(sent.body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD_SECRET).verify(sent.body, headers)
    assert verify_webhook(sent.body, headers, SECRET).type == sent.name


@pytest.mark.parametrize("dialect", catalogue.DIALECTS)
def test_both_secrets_sign_through_a_rotation(dialect: str) -> None:
    sent = message(dialect)
    headers, _ = prepare(dialect, sent, (SECRET, OLD_SECRET), clock.now())
    for secret in (SECRET, OLD_SECRET):
        Webhook(secret).verify(sent.body, headers)
    if dialect == "memberstack":
        assert headers["svix-signature"] == headers["webhook-signature"].split(" ")[0]
    if dialect == "memberpad":
        assert headers["X-MemberPad-Signature"] == signing.sign_body(SECRET, sent.body)


def test_svix_headers_are_memberstacks_alone() -> None:
    sent = message("memberstack")
    headers, _ = prepare("memberstack", sent, (SECRET,), AT)
    signed = b"evt_1.1774708200." + sent.body
    signature = "v1," + base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert headers == {
        "Content-Type": "application/json",
        "User-Agent": headers["User-Agent"],
        "webhook-id": "evt_1",
        "webhook-timestamp": "1774708200",
        "webhook-signature": signature,
        "svix-id": "evt_1",
        "svix-timestamp": "1774708200",
        "svix-signature": signature,
    }
    assert headers["User-Agent"].startswith("msidp/0.")


def test_memberpads_headers_are_those_of_its_reference() -> None:
    sent = message("memberpad")
    headers, _ = prepare("memberpad", sent, (SECRET,), AT)
    own = {name: value for name, value in headers.items() if not name.startswith("webhook-")}
    assert own == {
        "Content-Type": "application/json",
        "User-Agent": "MemberPad-Webhook/1.0",
        "X-MemberPad-Signature": "sha256=" + hmac.new(SECRET.encode(), sent.body, hashlib.sha256).hexdigest(),
        "X-MemberPad-Event": "member.joined",
        "X-MemberPad-Delivery": "0b5c8c1e-58ea-4cf8-a3ae-2fd6ed0a42ff",
        "X-MemberPad-Timestamp": ISO,
    }
    assert datetime.fromisoformat(headers["X-MemberPad-Timestamp"]).timestamp() * 1000 == AT


def test_the_standard_dialect_has_standard_headers_alone() -> None:
    headers, _ = prepare("standard", message("standard"), (SECRET,), AT)
    assert set(headers) == {
        "Content-Type", "User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature",
    }  # fmt: skip


def test_an_attempt_is_signed_in_microseconds() -> None:
    sent = message("memberpad")
    best = min(_time(sent) for _ in range(20))
    assert best < 200e-6, f"{best * 1e6:.0f} µs"  # about 10 on an idle core


def _time(sent: Message) -> float:
    start = time.perf_counter()
    for _ in range(20):
        prepare("memberpad", sent, (SECRET,), AT)
    return (time.perf_counter() - start) / 20
