"""DPoP (RFC 9449): tokens that are worth nothing without their key."""

import base64
import hashlib
import time
import uuid
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from sqlalchemy import func, select
from tests.oidc.conftest import Relying, access_claims, log_in, register, token_error
from tests.support.jose import segment, sign
from tests.support.threads import at_once
from werkzeug.test import TestResponse

from msidp import db
from msidp.keys.keyring import keyring
from msidp.members.models import Member
from msidp.oidc import dpop_nonces
from msidp.oidc.models import SpentProof
from msidp.settings import Settings

pytestmark = pytest.mark.database("sqlite")

KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")
OFFLINE = "openid offline_access"


def proof(method: str, url: str, *, key: Key = KEY, alg: str = "ES256", header=(), **changes: Any) -> str:
    """A proof; a claim or header changed to None is left out."""
    claims = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time())} | changes
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False)} | dict(header)
    return sign(
        *({name: value for name, value in part.items() if value is not None} for part in (head, claims)), key
    )


def for_token(**changes: Any) -> str:
    return proof("POST", f"{keyring().issuer}/token", **changes)


def for_userinfo(token: str, method: str = "GET", **changes: Any) -> str:
    digest = hashlib.sha256(token.encode()).digest()
    ath = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return proof(method, f"{keyring().issuer}/userinfo", **({"ath": ath} | changes))


def exchange(one: Relying, code: str, sent: str | None, **fields: Any) -> TestResponse:
    one.backend.environ_base.pop("HTTP_DPOP", None)
    if sent is not None:
        one.backend.environ_base["HTTP_DPOP"] = sent
    return one.exchange(code, **fields)


def refresh(one: Relying, token: str, sent: str | None) -> TestResponse:
    one.backend.environ_base.pop("HTTP_DPOP", None)
    if sent is not None:
        one.backend.environ_base["HTTP_DPOP"] = sent
    return one.refresh(token)


def userinfo(one: Relying, scheme: str, token: str, sent: str | None = None) -> TestResponse:
    headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": sent} if sent else {})
    backend = one.browser.application.test_client(use_cookies=False)
    return backend.get("/userinfo", headers=headers)


def refused(answer: TestResponse, error: str = "invalid_token") -> None:
    assert answer.status_code == 401, answer.text
    assert answer.json["error"] == error
    assert answer.headers["WWW-Authenticate"].startswith(f'DPoP error="{error}"')
    assert 'algs="' in answer.headers["WWW-Authenticate"]


def test_a_token_is_bound_to_the_key_of_its_proof(shop: Relying) -> None:
    answer = exchange(shop, shop.code(), for_token())
    assert answer.status_code == 200, answer.json
    token = answer.json["access_token"]
    assert answer.json["token_type"] == "DPoP"
    assert access_claims(token)["cnf"] == {"jkt": KEY.thumbprint()}
    assert userinfo(shop, "DPoP", token, for_userinfo(token)).status_code == 200
    assert userinfo(shop, "dpop", token, for_userinfo(token)).status_code == 200
    refused(userinfo(shop, "Bearer", token))
    refused(userinfo(shop, "Bearer", token, for_userinfo(token)))
    refused(userinfo(shop, "DPoP", token), "invalid_dpop_proof")
    assert "send a proof" in userinfo(shop, "DPoP", token).json["error_description"]
    refused(userinfo(shop, "DPoP", token, for_userinfo(token, key=OTHER)))
    refused(userinfo(shop, "DPoP", token, for_userinfo(token, ath=None)), "invalid_dpop_proof")
    refused(userinfo(shop, "DPoP", token, for_userinfo(token + "x")), "invalid_dpop_proof")
    refused(userinfo(shop, "DPoP", token, for_userinfo(token, method="POST")), "invalid_dpop_proof")
    in_body = shop.backend.post("/userinfo", data={"access_token": token})
    refused(in_body)
    seen = shop.backend.post("/introspect", data={"token": token}, headers=_basic(shop)).json
    assert (seen["active"], seen["token_type"], seen["cnf"]) == (True, "DPoP", {"jkt": KEY.thumbprint()})


def test_a_bearers_token_is_no_bound_one(shop: Relying) -> None:
    token = shop.tokens()["access_token"]
    answer = userinfo(shop, "DPoP", token, for_userinfo(token))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")
    nobody = shop.backend.get("/userinfo")
    assert [value.partition(" ")[0] for value in nobody.headers.getlist("WWW-Authenticate")] == [
        "Bearer",
        "DPoP",
    ]


def test_where_proofs_need_a_nonce(app: Flask, settings: Settings, shop: Relying) -> None:
    assert "DPoP-Nonce" not in exchange(shop, shop.code(), for_token()).headers
    dpop_nonces.init_app(app, settings.model_copy(update={"dpop_nonces": True}))
    code, kept = shop.code(), uuid.uuid4().hex
    answers = [exchange(shop, code, for_token(nonce=nonce, jti=kept)) for nonce in (None, "x", 7, "é")]
    for answer in answers:
        assert token_error(answer) == "use_dpop_nonce"
    nonce = answers[-1].headers["DPoP-Nonce"]
    answer = exchange(shop, code, for_token(nonce=nonce, jti=kept))  # nothing was used up
    assert (answer.status_code, answer.headers["DPoP-Nonce"]) == (200, nonce)
    token = answer.json["access_token"]
    needed = userinfo(shop, "DPoP", token, for_userinfo(token))
    refused(needed, "use_dpop_nonce")
    now = time.time()
    with time_machine.travel(now + 60, tick=False):
        answer = userinfo(shop, "DPoP", token, for_userinfo(token, nonce=nonce))
        assert answer.status_code == 200
        assert answer.headers["DPoP-Nonce"] != nonce  # good, but not for long
    with time_machine.travel(now + 120, tick=False):
        refused(userinfo(shop, "DPoP", token, for_userinfo(token, nonce=nonce)), "use_dpop_nonce")
    shop.backend.environ_base.pop("HTTP_DPOP")
    assert "DPoP-Nonce" not in shop.exchange(shop.code()).headers  # who sends no proof needs none


def test_every_algorithm_that_discovery_names(shop: Relying, client: FlaskClient) -> None:
    keys = {
        "PS256": RSAKey.generate_key(2048),
        "ES256": KEY,
        "EdDSA": OKPKey.generate_key("Ed25519"),
    }
    keys["Ed25519"] = keys["EdDSA"]
    found = client.get("/.well-known/openid-configuration").json["dpop_signing_alg_values_supported"]
    assert sorted(found) == sorted(keys)
    for alg, key in keys.items():
        answer = exchange(shop, shop.code(), for_token(alg=alg, key=key))
        assert access_claims(answer.json["access_token"])["cnf"] == {"jkt": key.thumbprint()}


def test_proofs_that_prove_nothing(shop: Relying) -> None:
    now, token_url = int(time.time()), f"{keyring().issuer}/token"
    rsa = RSAKey.generate_key(2048)
    code = shop.code()
    head, body, signature = for_token().split(".")
    bad = [
        for_token(htm="GET"),
        for_token(htm=None),
        for_token(htu=f"{keyring().issuer}/userinfo"),
        for_token(htu=None),
        for_token(htu=7),
        for_token(htu="https://[::1/token"),
        for_token(iat=now - 60),
        for_token(iat=now + 60),
        for_token(iat=None),
        for_token(iat=True),
        for_token(iat="now"),
        for_token(iat=1e999),
        for_token(jti=None),
        for_token(jti=""),
        for_token(jti="x" * 257),
        for_token(header={"typ": "JWT"}),
        for_token(header={"typ": None}),
        for_token(header={"jwk": None}),
        for_token(header={"jwk": OTHER.as_dict(private=False)}),
        for_token(header={"jwk": KEY.as_dict(private=True)}),
        for_token(header={"jwk": "x"}),
        for_token(header={"jwk": {"kty": "EC"}}),
        for_token(header={"jku": "https://evil.example/"}),
        for_token(header={"crit": ["exp"]}),
        for_token(key=rsa, alg="RS256"),
        for_token(key=OctKey.generate_key(256), alg="HS256"),
        f"{head}.{body}.",
        f"{segment({'typ': 'dpop+jwt', 'alg': 'none', 'jwk': KEY.as_dict(private=False)})}.{body}.",
        f"{head}.{body}.{signature}, {for_token()}",
        "x",
        "x" * 9000,
    ]
    for one in bad:
        assert token_error(exchange(shop, code, one)) == "invalid_dpop_proof", one
    fine = for_token(htu=token_url.replace("http://", "HTTP://") + "?query#fragment")
    assert exchange(shop, code, fine).status_code == 200  # and none of them spent the code


@pytest.mark.database("sqlite", "postgresql")
def test_a_proof_is_good_once_and_for_a_moment(shop: Relying) -> None:
    sent = for_token()
    codes = [shop.code() for _ in range(6)]
    shop.backend.environ_base["HTTP_DPOP"] = sent
    statuses = [answer.status_code for answer in at_once(5, lambda number: shop.exchange(codes[number]))]
    assert sorted(statuses) == [200] + [400] * 4
    again = [exchange(shop, code, for_token()).status_code for code in codes[:5]]
    assert sorted(again) == [200] * 4 + [400]  # what met a used proof was left as it was
    made = time.time()
    late = for_token()
    with time_machine.travel(made + 12):
        assert token_error(exchange(shop, shop.code(), late)) == "invalid_dpop_proof"


def test_who_has_nothing_to_redeem_writes_nothing(spa: Relying) -> None:
    """Anybody can send a public application's id, with proofs of any number of keys."""

    def spent() -> int:
        with db.reading() as session:
            return session.scalar(select(func.count()).select_from(SpentProof)) or 0

    before = spent()
    for answer in (exchange(spa, "no-code", for_token()), refresh(spa, "no-token", for_token())):
        assert token_error(answer) == "invalid_grant"
    assert spent() == before
    assert exchange(spa, spa.code(), for_token()).status_code == 200
    assert spent() == before + 1


@pytest.mark.database("sqlite", "postgresql")
def test_an_application_can_be_held_to_it(shop: Relying, admin: FlaskClient) -> None:
    admin.patch(f"/applications/{shop.id}", json={"dpopBoundAccessTokens": True})
    code = shop.code()
    assert token_error(exchange(shop, code, None)) == "invalid_dpop_proof"
    assert exchange(shop, code, for_token()).json["token_type"] == "DPoP"


def test_a_public_clients_refresh_token_is_bound_as_well(spa: Relying) -> None:
    first = exchange(spa, spa.code(scope=OFFLINE), for_token()).json["refresh_token"]
    for sent in (None, for_token(key=OTHER)):
        assert token_error(refresh(spa, first, sent)) == "invalid_grant"
    second = refresh(spa, first, for_token())
    assert second.status_code == 200  # the thief's attempts changed nothing
    assert second.json["token_type"] == "DPoP"
    assert token_error(refresh(spa, second.json["refresh_token"], None)) == "invalid_grant"


def test_a_public_clients_refresh_token_is_bound_by_the_first_proof(spa: Relying) -> None:
    first = exchange(spa, spa.code(scope=OFFLINE), None).json["refresh_token"]
    second = refresh(spa, refresh(spa, first, None).json["refresh_token"], for_token()).json["refresh_token"]
    for sent in (None, for_token(key=OTHER)):
        assert token_error(refresh(spa, second, sent)) == "invalid_grant"
    assert refresh(spa, second, for_token()).status_code == 200


def test_a_confidential_clients_refresh_token_takes_any_key(shop: Relying) -> None:
    first = exchange(shop, shop.code(scope=OFFLINE), for_token()).json["refresh_token"]
    answer = refresh(shop, first, for_token(key=OTHER))
    assert access_claims(answer.json["access_token"])["cnf"] == {"jkt": OTHER.thumbprint()}


def test_a_code_can_be_bound_to_a_key_from_the_start(shop: Relying) -> None:
    code = shop.code(dpop_jkt=KEY.thumbprint())
    for sent in (None, for_token(key=OTHER)):
        assert token_error(exchange(shop, code, sent)) == "invalid_grant"
    assert exchange(shop, code, for_token()).status_code == 200


def test_fapi_clients_keep_their_refresh_token(
    admin: FlaskClient, browser: FlaskClient, member: Member
) -> None:
    from tests.oidc.test_client_assertions import KEYS, TYPE, signed

    log_in(browser, member)
    one = register(
        admin, browser, securityProfile="fapi2", jwks={"keys": [KEYS["ES256"].as_dict(private=False)]}
    )

    def auth() -> dict[str, str]:
        return {
            "client_assertion_type": TYPE,
            "client_assertion": signed(one.client_id, keyring().issuer),
        }

    pushed = one.backend.post("/par", data={**one.parameters(scope=OFFLINE), **auth()})
    assert pushed.status_code == 201, pushed.json
    asked = {"client_id": one.client_id, "request_uri": pushed.json["request_uri"]}
    location = browser.get("/authorize", query_string=asked).headers["Location"]
    code = location.partition("code=")[2].partition("&")[0]
    answer = exchange(one, code, None, **auth())
    assert token_error(answer) == "invalid_dpop_proof"
    answer = exchange(one, code, for_token(), **auth())
    assert answer.status_code == 200, answer.json
    assert answer.json["access_token"].split(".")[0] != segment({})
    kept = answer.json["refresh_token"]
    for _ in range(2):
        one.backend.environ_base["HTTP_DPOP"] = for_token()
        again = one.refresh(kept, **auth())
        assert again.status_code == 200, again.json
        assert "refresh_token" not in again.json


def _basic(one: Relying) -> dict[str, str]:
    from tests.oidc.conftest import basic

    return {"Authorization": basic(one.client_id, one.secret or "")}
