"""Back-Channel Logout 1.0: who is told when a session ends, and in which words."""

import json
import time as real_time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from tests.oidc.conftest import Relying, csrf_token, id_claims, log_in, log_out, register
from tests.support.draining import drain
from tests.support.receiver import Answer, Receiver

from msidp import db
from msidp.accounts import sessions
from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc.models import SessionApplication
from msidp.settings import Settings
from msidp.vault.fields import FieldCipher
from msidp.webhooks.dialects.logout import EVENT
from msidp.webhooks.models import WebhookEndpoint

pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def settings(settings: Settings, ca_file: Path) -> Settings:
    quick = {"outbound_ca_file": ca_file, "webhook_retry_schedule": (0, 0.05)}
    return settings.model_copy(update=quick)


@pytest.fixture
def shop(admin: FlaskClient, browser: FlaskClient, member: Member, receiver: Receiver) -> Relying:
    """An application that wants logout tokens; the member is logged in."""
    log_in(browser, member)
    return register(admin, browser, backchannelLogoutUri=receiver.url("/logout"))


def logout_tokens(receiver: Receiver) -> list[str]:
    """What was received, as an application reads it."""
    drain()
    tokens = []
    for request in receiver.requests:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert not any("signature" in name for name in request.headers)
        form = parse_qs(request.body.decode(), strict_parsing=True)
        assert set(form) == {"logout_token"}
        tokens.append(form["logout_token"][0])
    return tokens


def verified(token: str, client_id: str) -> dict[str, Any]:
    """The claims, checked as section 2.6 asks an application to."""
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "logout+jwt"
    [key] = [key for key in keyring().jwks()["keys"] if key["kid"] == header["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token,
        jwt.PyJWK(key),
        algorithms=[header["alg"]],
        audience=client_id,
        issuer=keyring().issuer,
        options={"require": ["iss", "aud", "iat", "exp", "jti"], "strict_aud": True},
    )
    assert claims["events"] == {EVENT: {}}
    assert "nonce" not in claims
    assert claims["exp"] - claims["iat"] <= 120
    return claims


def listed(admin: FlaskClient, relying: Relying, **query: str) -> list[dict[str, Any]]:
    answer = admin.get(f"/applications/{relying.id}/logout-deliveries", query_string=query)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def count(model: Any) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_an_application_is_told(
    admin: FlaskClient, shop: Relying, member: Member, receiver: Receiver
) -> None:
    issued = id_claims(shop.tokens()["id_token"])
    log_out(shop)
    [token] = logout_tokens(receiver)
    claims = verified(token, shop.client_id)
    assert (claims["sub"], claims["sid"]) == (member.id, issued["sid"])
    [delivery] = listed(admin, shop)
    assert (delivery["status"], delivery["type"], delivery["attemptCount"]) == ("succeeded", "logout", 1)
    [attempt] = admin.get(f"/deliveries/{delivery['id']}").json["data"]["attempts"]
    assert attempt["status"] == 200
    assert json.loads(attempt["request"]["body"])["claims"]["sid"] == issued["sid"]
    assert token not in json.dumps(attempt)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256"])
def test_signed_as_the_application_s_id_tokens_are(
    admin: FlaskClient, browser: FlaskClient, member: Member, receiver: Receiver, algorithm: str
) -> None:
    log_in(browser, member)
    uri = receiver.url("/logout")
    shop = register(admin, browser, backchannelLogoutUri=uri, idTokenSignedResponseAlg=algorithm)
    shop.code()
    log_out(shop)
    [token] = logout_tokens(receiver)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    verified(token, shop.client_id)


def test_the_member_goes_by_the_application_s_own_name(
    admin: FlaskClient, browser: FlaskClient, member: Member, receiver: Receiver
) -> None:
    log_in(browser, member)
    shop = register(admin, browser, backchannelLogoutUri=receiver.url("/logout"), subjectType="pairwise")
    issued = id_claims(shop.tokens()["id_token"])
    log_out(shop)
    [token] = logout_tokens(receiver)
    told = verified(token, shop.client_id)
    assert told["sub"] == issued["sub"] != member.id
    assert told["sid"] == issued["sid"]


Ending = Callable[[FlaskClient, Relying, Member], None]


def at_an_application(_admin: FlaskClient, shop: Relying, _member: Member) -> None:
    hint = shop.tokens()["id_token"]
    assert shop.browser.get("/end-session", query_string={"id_token_hint": hint}).status_code == 200


def by_the_operator(admin: FlaskClient, _shop: Relying, member: Member) -> None:
    [session] = admin.get(f"/members/{member.id}/sessions").json["data"]
    assert admin.delete(f"/members/{member.id}/sessions/{session['id']}").status_code == 200


def everywhere(admin: FlaskClient, _shop: Relying, member: Member) -> None:
    assert admin.delete(f"/members/{member.id}/sessions").status_code == 200


def with_the_member(admin: FlaskClient, _shop: Relying, member: Member) -> None:
    assert admin.delete(f"/members/{member.id}").status_code == 200


def by_another_member(_admin: FlaskClient, shop: Relying, _member: Member) -> None:
    """Somebody else signs up in the same browser."""
    token = csrf_token(shop)
    form = {"email": "bob@example.com", "password": "a long password of bob", "csrf_token": token}
    assert shop.browser.post("/signup", data=form).status_code == 303


@pytest.mark.parametrize(
    "ending", [at_an_application, by_the_operator, everywhere, with_the_member, by_another_member]
)
def test_however_the_session_ends(
    admin: FlaskClient, shop: Relying, member: Member, receiver: Receiver, ending: Ending
) -> None:
    sid = id_claims(shop.tokens()["id_token"])["sid"]
    ending(admin, shop, member)
    [token] = logout_tokens(receiver)
    assert verified(token, shop.client_id)["sid"] == sid
    assert count(SessionApplication) == 0


@pytest.mark.database("sqlite", "postgresql")
def test_each_application_of_the_session_and_no_other(
    admin: FlaskClient, shop: Relying, browser: FlaskClient, receiver: Receiver
) -> None:
    blog = register(admin, browser, backchannelLogoutUri=receiver.url("/blog"))
    register(admin, browser, backchannelLogoutUri=receiver.url("/never-used"))
    silent = register(admin, browser)
    for relying in (shop, blog, silent, shop):
        relying.code()
    log_out(shop)
    tokens = logout_tokens(receiver)
    assert sorted(request.path for request in receiver.requests) == ["/blog", "/logout"]
    audiences = {jwt.decode(token, options={"verify_signature": False})["aud"] for token in tokens}
    assert audiences == {shop.client_id, blog.client_id}


def test_another_session_of_the_member_goes_on(shop: Relying, member: Member, receiver: Receiver) -> None:
    shop.code()
    phone = Relying(shop.browser.application.test_client(), shop.id, shop.client_id, shop.secret)
    log_in(phone.browser, member)
    sid = id_claims(phone.tokens()["id_token"])["sid"]
    log_out(shop)
    [token] = logout_tokens(receiver)
    assert verified(token, shop.client_id)["sid"] != sid
    assert phone.browser.get("/account").status_code == 200


def test_a_token_is_fresh_at_each_attempt(admin: FlaskClient, shop: Relying, receiver: Receiver) -> None:
    receiver.script("/logout", Answer(500), Answer(500), Answer(204))
    shop.code()
    with time_machine.travel(real_time.time(), tick=True) as time:
        log_out(shop)
        drain()
        [delivery] = listed(admin, shop, status="exhausted")
        time.shift(600)  # longer than a token is good for
        assert admin.post(f"/deliveries/{delivery['id']}/retry").status_code == 200
        tokens = logout_tokens(receiver)
        said = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
        assert len({claims["jti"] for claims in said}) == 3
        assert len({claims["sid"] for claims in said}) == 1
        verified(tokens[-1], shop.client_id)
    assert listed(admin, shop)[0]["status"] == "succeeded"


def test_a_refusal_is_final(admin: FlaskClient, shop: Relying, receiver: Receiver) -> None:
    """Section 2.8: 400 says that the application could not log the member out."""
    receiver.script("/logout", Answer(400, body=b'{"error":"invalid_request"}'))
    shop.code()
    log_out(shop)
    assert len(logout_tokens(receiver)) == 1
    [delivery] = listed(admin, shop, status="exhausted")
    assert "400" in delivery["reason"]
    assert delivery["attemptCount"] == 1
    receiver.script("/logout", Answer(200))
    assert admin.post(f"/deliveries/{delivery['id']}/retry").status_code == 200
    assert len(logout_tokens(receiver)) == 2
    assert [one["status"] for one in listed(admin, shop)] == ["succeeded"]


@pytest.mark.parametrize("status", [410, 503])
def test_one_bad_answer_ends_nothing_else(
    admin: FlaskClient, shop: Relying, member: Member, receiver: Receiver, status: int
) -> None:
    receiver.script("/logout", *[Answer(status)] * (1 if status == 410 else 2), Answer(200))
    for _ in range(2):
        log_in(shop.browser, member)
        shop.code()
        log_out(shop)
        drain()
    assert [one["status"] for one in listed(admin, shop)] == ["exhausted", "succeeded"]


def test_the_endpoint_is_nobody_s_webhook(admin: FlaskClient, shop: Relying, receiver: Receiver) -> None:
    shop.code()
    log_out(shop)
    drain()
    assert count(WebhookEndpoint) == 1
    assert admin.get("/webhooks").json["totalCount"] == 0
    assert (
        admin.get("/events").json["totalCount"] == admin.get("/events?type=member.created").json["totalCount"]
    )
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("GET", "/deliveries"),
    ):
        assert admin.open(f"/webhooks/{shop.id}{path}", method=method, json={}).status_code == 404
    assert admin.get(f"/applications/{shop.id}x/logout-deliveries").status_code == 404
    admin.post("/members", json={"email": "new@example.com"})
    drain()
    assert len(receiver.requests) == 1  # it hears of nothing but logouts


@pytest.mark.database("sqlite", "postgresql")
def test_the_application_s_address_is_followed(
    admin: FlaskClient, shop: Relying, member: Member, receiver: Receiver
) -> None:
    def change(uri: str | None) -> None:
        answer = admin.patch(f"/applications/{shop.id}", json={"backchannelLogoutUri": uri})
        assert answer.status_code == 200, answer.json

    def come_and_go() -> None:
        log_in(shop.browser, member)
        shop.code()
        log_out(shop)

    come_and_go()
    change(receiver.url("/elsewhere"))
    drain()
    assert [request.path for request in receiver.requests] == ["/elsewhere"]
    come_and_go()
    change(None)
    come_and_go()
    drain()
    assert len(receiver.requests) == 1
    assert [one["status"] for one in listed(admin, shop)] == ["succeeded", "canceled"]
    change(receiver.url("/again"))
    come_and_go()
    drain()
    assert receiver.requests[-1].path == "/again"
    come_and_go()
    assert admin.delete(f"/applications/{shop.id}").status_code == 200
    drain()
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    "uri",
    [
        "https://10.0.0.1/",
        "http://192.168.0.1/x",
        "https://u:p@a.example/",
        "https://a.example/#x",
        "ftp://a.example/",
    ],
)
def test_an_address_that_must_not_be_called_is_refused(admin: FlaskClient, shop: Relying, uri: str) -> None:
    answer = admin.patch(f"/applications/{shop.id}", json={"backchannelLogoutUri": uri})
    assert answer.status_code == 422
    assert answer.json["details"][0]["field"] == "backchannelLogoutUri"


def test_nothing_is_sent_for_what_did_not_commit(shop: Relying, member: Member, receiver: Receiver) -> None:
    shop.code()
    with pytest.raises(RuntimeError), db.transaction() as session:
        sessions.end_all(session, member.id)
        raise RuntimeError
    assert logout_tokens(receiver) == []


def test_a_lost_signing_key_is_an_attempt_that_failed(
    app: Flask, admin: FlaskClient, shop: Relying, receiver: Receiver
) -> None:
    shop.code()
    log_out(shop)
    ring = keyring()
    ring._cipher, ring._opened = FieldCipher(("another secret key, of 32 characters",)), {}
    drain()
    [delivery] = listed(admin, shop)
    assert (delivery["status"], receiver.requests) == ("exhausted", [])
    attempts = admin.get(f"/deliveries/{delivery['id']}").json["data"]["attempts"]
    assert {attempt["error"] for attempt in attempts} == {"secret_unavailable"}


def test_the_receiver_of_the_documentation(shop: Relying, base_url: str, receiver: Receiver) -> None:
    """The code in docs/logout.md takes what we send, once, and nothing else."""
    text = (Path(__file__).parents[2] / "docs" / "logout.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    code = code.replace("https://id.example.com", base_url).replace("client_…", shop.client_id)
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(code, "docs/logout.md", "exec"), names)  # noqa: S102  # our own page
    tokens = shop.tokens()
    sid = id_claims(tokens["id_token"])["sid"]
    names["sessions"][sid] = "a session"
    log_out(shop)
    [token] = logout_tokens(receiver)
    application = names["app"].test_client()
    for wrong in (tokens["id_token"], token[:-4] + "AAAA", "", "x.y.z"):
        assert application.post("/logout-token", data={"logout_token": wrong}).status_code == 400
    assert sid in names["sessions"]
    assert application.post("/logout-token", data={"logout_token": token}).status_code == 204
    assert sid not in names["sessions"]
    assert application.post("/logout-token", data={"logout_token": token}).status_code == 400


def test_it_is_named_in_discovery(shop: Relying) -> None:
    metadata = shop.backend.get("/.well-known/openid-configuration").json
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
