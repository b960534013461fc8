"""What attackers try at the token endpoint and the ones around it, a test for each kind."""

import hmac
import itertools
import json
import time

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64encode
from sqlalchemy import select
from tests.oidc.conftest import VERIFIER, Relying, access_claims, basic, register, sent_to, token_error
from tests.oidc.test_client_assertions import KEYS, TYPE, signed
from tests.support.jose import public, segment, sign
from werkzeug.datastructures import MultiDict

from msidp import db
from msidp.keys.keyring import keyring

pytestmark = pytest.mark.database("sqlite")

OFFLINE = "openid offline_access"
ENDPOINTS = ("/token", "/introspect", "/revoke", "/device_authorization", "/par")


def test_pkce_cannot_be_left_out_added_or_weakened(shop: Relying, spa: Relying) -> None:
    assert token_error(shop.exchange(shop.code(), code_verifier=None)) == "invalid_grant"
    assert token_error(shop.exchange(shop.code(), code_verifier=VERIFIER[:-1] + "~")) == "invalid_grant"
    assert token_error(shop.exchange(shop.code(), code_verifier=VERIFIER + "\n")) == "invalid_grant"
    bare = {"code_challenge": None, "code_challenge_method": None}
    assert token_error(shop.exchange(shop.code(**bare))) == "invalid_grant"
    for weaker in ({"code_challenge_method": "plain"}, {"code_challenge_method": None}, bare):
        answer = sent_to(spa.authorize(**weaker), spa.redirect_uri)
        assert answer["error"] == "invalid_request", weaker


def test_no_parameter_comes_twice(shop: Relying) -> None:
    headers = {"Authorization": basic(shop.client_id, shop.secret or "")}
    fields = {
        "/token": {"grant_type": "authorization_code", "code": "x", "redirect_uri": shop.redirect_uri},
        "/introspect": {"token": "x", "token_type_hint": "access_token"},
        "/revoke": {"token": "x"},
        "/device_authorization": {"scope": "openid"},
    }
    for path, form in fields.items():
        for name in (*form, "client_id", "client_secret", "client_assertion", "unknown"):
            twice = MultiDict([*form.items(), (name, form.get(name, "x")), (name, "y")])
            answer = shop.backend.post(path, data=twice, headers=headers)
            assert token_error(answer) == "invalid_request", (path, name)


def test_tokens_of_another_kind_or_by_another_hand(shop: Relying, client: FlaskClient) -> None:
    """alg none, HS256 by the public key, a key brought along or pointed to, crit, typ, aud, iss."""
    good = shop.tokens()
    claims, (head, body, signature) = access_claims(good["access_token"]), good["access_token"].split(".")
    published = client.get("/jwks").json["keys"]
    ours = next(jwk for jwk in published if jwk["alg"] == "RS256")
    own = ECKey.generate_key("P-256")
    kept = {"typ": "at+jwt", "kid": ours["kid"]}
    as_secret = RSAKey.import_key(ours).as_pem(private=False)
    hs256 = f"{segment({**kept, 'alg': 'HS256'})}.{body}"
    hs256 += "." + urlsafe_b64encode(hmac.digest(as_secret, hs256.encode(), "sha256")).decode()
    forged = [
        hs256,
        f"{segment({**kept, 'alg': 'none'})}.{body}.",
        f"{head}.{body}.",
        f"{head}.{segment({**claims, 'sub': 'mem_other'})}.{signature}",
        sign({**kept, "alg": "ES256"}, claims, own),
        sign({**kept, "alg": "ES256", "jwk": own.as_dict(private=False)}, claims, own),
        sign({**kept, "alg": "ES256", "jku": "https://evil.example/jwks"}, claims, own),
        sign({**kept, "alg": "ES256", "x5u": "https://evil.example/x5u"}, claims, own),
        f"{segment({**kept, 'alg': 'RS256', 'crit': ['exp']})}.{body}.{signature}",
        good["id_token"],
        keyring().sign(claims, typ="logout+jwt"),
        keyring().sign(claims | {"aud": shop.client_id}, typ="at+jwt"),
        keyring().sign(claims | {"iss": "https://evil.example"}, typ="at+jwt"),
        keyring().sign(claims | {"exp": int(time.time()) - 1}, typ="at+jwt"),
    ]
    for token in forged:
        assert shop.userinfo(token).status_code == 401, token
    headers = {"Authorization": basic(shop.client_id, shop.secret or "")}
    for token in forged[:10]:
        told = shop.backend.post("/introspect", data={"token": token}, headers=headers)
        assert told.json == {"active": False}, token
    for hint in (good["access_token"], keyring().sign(claims, typ="logout+jwt"), forged[1]):
        answer = sent_to(shop.authorize(prompt="none", id_token_hint=hint), shop.redirect_uri)
        assert answer["error"] == "invalid_request", hint


@pytest.mark.database("sqlite", "postgresql")
def test_no_secret_is_kept_or_logged(
    shop: Relying, admin: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    one = register(admin, shop.browser, tokenEndpointAuthMethod="private_key_jwt", jwks=public(KEYS["ES256"]))
    assertion = signed(one.client_id, keyring().issuer)
    code = shop.code(scope=OFFLINE)
    first = shop.exchange(code).json
    second = shop.refresh(first["refresh_token"]).json
    shop.userinfo(second["access_token"])
    other = one.code()
    auth = {"client_assertion_type": TYPE, "client_assertion": assertion}
    assert one.exchange(other, **auth).status_code == 200
    secrets = [shop.secret, code, other, assertion, VERIFIER]
    secrets += [
        answer[name] for answer in (first, second) for name in ("access_token", "refresh_token", "id_token")
    ]
    with db.reading() as session:
        tables = db.Base.metadata.sorted_tables
        rows = [row for table in tables for row in session.execute(select(table)).all()]
    told = str(rows) + "".join(capsys.readouterr()) + json.dumps(admin.get("/audit-log").json)
    assert len(rows) > 10
    assert [secret for secret in secrets if secret in told] == []


def test_nothing_that_is_sent_is_a_crash(shop: Relying) -> None:
    names = (
        "grant_type",
        "code",
        "refresh_token",
        "device_code",
        "token",
        "scope",
        "resource",
        "client_assertion",
    )
    values = (b"%00", b"%ff%fe", b"%ed%a0%80", b"", b"a" * 60_000, "é".encode(), b"[[[[" * 5000, b"1e400")
    grant_types = ("authorization_code", "refresh_token", "client_credentials", "x")
    headers = {"Authorization": basic(shop.client_id, shop.secret or "")}
    form = "application/x-www-form-urlencoded"
    for number, (path, name, value) in enumerate(itertools.product(ENDPOINTS, names, values)):
        grant_type = grant_types[number % len(grant_types)].encode()
        data = b"grant_type=" + grant_type + b"&redirect_uri=x&" + name.encode() + b"=" + value
        answer = shop.backend.post(path, data=data, headers=headers, content_type=form)
        assert 200 <= answer.status_code < 500, (path, name, value[:20], answer.text)
    for path, kind in itertools.product(
        ENDPOINTS, ("application/json", "multipart/form-data; boundary=x", "x/y", "")
    ):
        answer = shop.backend.post(path, data=b'{"a":' * 1000, headers=headers, content_type=kind)
        assert 400 <= answer.status_code < 500, (path, kind)
    for header in ("Basic", "Basic =", "Basic " + "A" * 9000, "Bearer x", "\xff", "Basic gICA"):
        sent = {"Authorization": header, "DPoP": header}
        for path in (*ENDPOINTS, "/userinfo"):
            assert 400 <= shop.backend.post(path, data={"token": "x"}, headers=sent).status_code < 500
