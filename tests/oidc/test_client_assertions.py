"""private_key_jwt: who signs is the client, once, for us, by the algorithms of a constant."""

import hmac
import json
import time
import uuid
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode
from tests.oidc.conftest import Relying, basic, log_in, register, token_error
from tests.support.jose import public, segment, sign
from tests.support.receiver import Answer, Receiver
from tests.support.threads import at_once
from werkzeug.test import TestResponse

from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEYS: dict[str, Key] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "pss"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
}
KEYS["Ed25519"] = KEYS["EdDSA"]  # the name of RFC 9864
STRANGER = ECKey.generate_key("P-256", {"kid": "ec"})


def signed(
    client_id: str, issuer: str, *, alg: str = "ES256", key: Key | None = None, header=(), **changes: Any
) -> str:
    """An assertion; a claim changed to None is left out."""
    key = key or KEYS[alg]
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + 60,
    } | changes
    head = {"alg": alg, "kid": key.kid} | dict(header)
    head = {name: value for name, value in head.items() if value is not None}
    claims = {name: value for name, value in claims.items() if value is not None}
    return sign(head, claims, key)


@pytest.fixture
def issuer(client: FlaskClient) -> str:
    return client.get("/.well-known/openid-configuration").json["issuer"]


@pytest.fixture
def signer(admin: FlaskClient, browser: FlaskClient, member: Member) -> Relying:
    """A web application that authenticates by private_key_jwt."""
    log_in(browser, member)
    return register(admin, browser, tokenEndpointAuthMethod="private_key_jwt", jwks=public(*KEYS.values()))


def present(one: Relying, assertion: str, **fields: Any) -> TestResponse:
    """A token request that is refused for its code, once the client is known."""
    form = {
        "grant_type": "authorization_code",
        "code": "none",
        "redirect_uri": one.redirect_uri,
        "client_assertion_type": TYPE,
        "client_assertion": assertion,
    } | fields
    form = {name: value for name, value in form.items() if value is not None}
    return one.backend.post("/token", data=form)


def accepted(answer: TestResponse) -> bool:
    if answer.status_code == 401:
        assert token_error(answer, 401) == "invalid_client"
        return False
    assert token_error(answer) == "invalid_grant"
    return True


def test_the_whole_flow_without_a_secret(signer: Relying, issuer: str) -> None:
    code = signer.code(scope="openid offline_access")
    fields = {"client_assertion_type": TYPE, "client_assertion": signed(signer.client_id, issuer)}
    tokens = signer.exchange(code, **fields)
    assert tokens.status_code == 200, tokens.json
    for path, token in (
        ("/introspect", tokens.json["access_token"]),
        ("/revoke", tokens.json["refresh_token"]),
    ):
        fields["client_assertion"] = signed(signer.client_id, issuer)
        assert signer.backend.post(path, data={"token": token, **fields}).status_code == 200
    assert signer.userinfo(tokens.json["access_token"]).status_code == 401


def test_every_algorithm_of_the_constant_is_good(signer: Relying, issuer: str, client: FlaskClient) -> None:
    discovery = client.get("/.well-known/openid-configuration").json
    assert sorted(discovery["token_endpoint_auth_signing_alg_values_supported"]) == sorted(KEYS)
    assert "private_key_jwt" in discovery["token_endpoint_auth_methods_supported"]
    for alg in KEYS:
        assert accepted(present(signer, signed(signer.client_id, issuer, alg=alg))), alg
        assert accepted(present(signer, signed(signer.client_id, issuer, alg=alg, header={"kid": None}))), alg


def test_the_audience_is_us(signer: Relying, issuer: str) -> None:
    for aud in (issuer, f"{issuer}/token", f"{issuer}/par", [issuer], [f"{issuer}/token"]):
        assert accepted(present(signer, signed(signer.client_id, issuer, aud=aud))), aud
    for aud in (
        "https://other.example",
        [],
        [[issuer]],
        ["https://other.example", issuer],
        [issuer, f"{issuer}/token"],
        [issuer, issuer],
        None,
        7,
        {"aud": issuer},
        f"{issuer}/",
        issuer.upper(),
    ):
        assert not accepted(present(signer, signed(signer.client_id, issuer, aud=aud))), aud


def test_claims_that_are_wrong_or_missing(signer: Relying, issuer: str) -> None:
    now = int(time.time())
    for claims in (
        {"iss": "client_other"},
        {"iss": None},
        {"exp": None},
        {"exp": now - 1},
        {"exp": now + 3700},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"exp": [now + 60]},
        {"iat": now + 120},
        {"nbf": now + 120},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 257},
        {"sub": None},
        {"sub": 7},
        {"sub": "client_other"},
        {"sub": "\0"},
    ):
        assert not accepted(present(signer, signed(signer.client_id, issuer, **claims))), claims
    assert accepted(present(signer, signed(signer.client_id, issuer, jti="\ud800", iat=None)))


@pytest.mark.database("sqlite", "postgresql")
def test_an_assertion_is_good_once_however_many_send_it(signer: Relying, issuer: str) -> None:
    assertion = signed(signer.client_id, issuer)
    results = at_once(10, lambda _: accepted(present(signer, assertion)))
    assert sorted(results) == [False] * 9 + [True]
    assert not accepted(present(signer, assertion))
    with time_machine.travel(time.time() + 61):  # then it has expired, and its id can be forgotten
        assert not accepted(present(signer, assertion))


def test_forged_signatures_and_headers(signer: Relying, issuer: str) -> None:
    """alg none, HS256 with the public key, a key brought along, pointed to, of another size or client."""
    for forged in (
        {"key": STRANGER},
        {"key": STRANGER, "header": {"kid": "unknown"}},
        {"key": STRANGER, "header": {"kid": None}},
        {"key": STRANGER, "header": {"jwk": STRANGER.as_dict(private=False)}},
        {"header": {"jku": "https://evil.example/jwks"}},
        {"header": {"x5u": "https://evil.example/x5u"}},
        {"header": {"x5c": ["MII"]}},
        {"key": ECKey.generate_key("P-521", {"kid": "ec"}), "alg": "ES512"},
        {"header": {"kid": 7}},
        {"header": {"kid": ["ec"]}},
    ):
        assert not accepted(present(signer, signed(signer.client_id, issuer, **forged))), forged
    head, body, _ = signed(signer.client_id, issuer).split(".")
    unsigned = segment({"alg": "none"})
    by_public_key = segment({"alg": "HS256", "kid": "rsa"}) + f".{body}"
    mac = hmac.digest(KEYS["RS256"].as_pem(private=False), by_public_key.encode(), "sha256")
    by_public_key += "." + urlsafe_b64encode(mac).decode()
    critical = segment({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": True})
    for text in (
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        f"{head}.{body}.",
        f"{unsigned}.{body}.",
        f"{critical}.{body}.x",
        f"{segment(['alg'])}.{body}.x",
        f"{head}.{segment('x')}.x",
        by_public_key,
        "x" * 20_000,
    ):
        assert not accepted(present(signer, text or "\0")), text[:80]


def test_unknown_clients_and_wrong_keys_look_alike(signer: Relying, shop: Relying, issuer: str) -> None:
    answers = [
        present(signer, signed(client_id, issuer, key=STRANGER))
        for client_id in (signer.client_id, "client_unknown", shop.client_id)
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert not accepted(answers[0])


@pytest.mark.database("sqlite", "postgresql")
def test_an_application_that_has_no_secret_yet_is_let_in_by_none(admin: FlaskClient, signer: Relying) -> None:
    """It signed until now; the secret for its new method is made by a rotation."""
    path = f"/applications/{signer.id}"
    assert admin.patch(path, json={"tokenEndpointAuthMethod": "client_secret_basic"}).status_code == 200
    for secret in ("nobody's secret", "None", ""):
        headers = {"Authorization": basic(signer.client_id, secret)}
        answer = signer.backend.post("/token", data={"grant_type": "refresh_token"}, headers=headers)
        assert token_error(answer, 401) == "invalid_client"
    signer.secret = admin.post(f"{path}/rotate-secret", json={}).json["data"]["clientSecret"]
    assert token_error(signer.refresh("rt_none")) == "invalid_grant"


def test_one_method_a_request_and_the_registered_one(
    signer: Relying, shop: Relying, spa: Relying, issuer: str
) -> None:
    good = signed(signer.client_id, issuer)
    assert token_error(present(signer, good, client_secret="x")) == "invalid_request"
    assert token_error(present(signer, good, client_id=shop.client_id)) == "invalid_request"
    assert not accepted(present(signer, good, client_assertion_type="x"))
    assert not accepted(present(signer, good, client_assertion_type=None))
    assert not accepted(present(signer, good, client_assertion=None, client_id=signer.client_id))
    assert accepted(present(signer, good, client_id=signer.client_id))
    for other in (shop, spa):
        assert not accepted(present(other, signed(other.client_id, issuer)))
    form = {
        "grant_type": "authorization_code",
        "code": "x",
        "redirect_uri": "y",
        "client_id": signer.client_id,
    }
    assert not accepted(signer.backend.post("/token", data=form))
    assert not accepted(signer.backend.post("/token", data={**form, "client_secret": "nobody's secret"}))


def test_a_fapi_client_names_the_issuer_as_a_string_and_signs_well(
    admin: FlaskClient, browser: FlaskClient, issuer: str
) -> None:
    one = register(admin, browser, securityProfile="fapi2", jwks=public(*KEYS.values()))
    for alg in ("PS256", "ES256", "EdDSA"):
        assert token_error(present(one, signed(one.client_id, issuer, alg=alg))) != "invalid_client"
    for changes in ({"alg": "RS256"}, {"aud": [issuer]}, {"aud": f"{issuer}/token"}):
        assert not accepted(present(one, signed(one.client_id, issuer, **changes))), changes


def test_keys_are_read_from_the_clients_site_and_again_for_a_new_one(
    admin: FlaskClient, browser: FlaskClient, issuer: str, receiver: Receiver
) -> None:
    fresh = ECKey.generate_key("P-256", {"kid": "fresh"})
    first, second = (Answer(body=json.dumps(public(*keys)).encode()) for keys in ([KEYS["ES256"]], [fresh]))
    receiver.script("/jwks", first, second, Answer(500))
    one = register(admin, browser, tokenEndpointAuthMethod="private_key_jwt", jwksUri=receiver.url("/jwks"))
    with time_machine.travel(time.time(), tick=False) as moment:
        for _ in range(3):
            assert accepted(present(one, signed(one.client_id, issuer)))
        assert not accepted(present(one, signed(one.client_id, issuer, key=fresh)))
        assert len(receiver.requests) == 1  # an unknown kid asks again, but not at once
        moment.shift(31)
        assert accepted(present(one, signed(one.client_id, issuer, key=fresh)))
        assert not accepted(present(one, signed(one.client_id, issuer)))  # no longer published
        assert len(receiver.requests) == 2
        moment.shift(3600)
        assert accepted(present(one, signed(one.client_id, issuer, key=fresh)))  # though the site is down
        assert len(receiver.requests) == 3
        moment.shift(86_401)
        assert not accepted(present(one, signed(one.client_id, issuer, key=fresh)))
