"""The keyring: what it signs, what it publishes, and every token it refuses."""

import base64
import json

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import delete, select

from msidp import clock, db
from msidp.keys import service
from msidp.keys.keyring import RELOAD_AFTER, CannotSign, InvalidToken, Keyring, keyring
from msidp.keys.models import SigningKey
from msidp.vault.fields import FieldCipher, cipher


def claims(**changes) -> dict:
    now = clock.seconds(clock.now())
    return {"iss": keyring().issuer, "sub": "mem_1", "aud": "app_1", "iat": now, "exp": now + 60} | changes


def header_of(token: str) -> dict:
    segment = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def forged(header: dict, key, **changes) -> str:
    """A token made by hand. HS256 and none are not among joserfc's recommended algorithms."""
    registry = jws.JWSRegistry(algorithms=["RS256", "HS256"], strict_check_header=False)
    return jws.serialize_compact(header, json.dumps(claims(**changes)), key, registry=registry)


def own_private_key() -> RSAKey:
    with db.reading() as session:
        row = session.scalars(select(SigningKey)).one()
    return RSAKey.import_key(cipher().open(row.private_pem, service.private_context(row.kid)))


def refused(token: str, **options) -> str:
    with pytest.raises(InvalidToken) as caught:
        keyring().verify(token, typ={"JWT"}, **options)
    return str(caught.value)


def test_a_signed_token_verifies(app: Flask) -> None:
    token = keyring().sign(claims(), typ="JWT")
    assert keyring().verify(token, typ={"JWT", "at+jwt"}, audience="app_1")["sub"] == "mem_1"
    assert header_of(token) == {"typ": "JWT", "alg": "RS256", "kid": keyring().jwks()["keys"][0]["kid"]}


def test_the_private_key_is_sealed_in_the_database(app: Flask) -> None:
    keyring().sign(claims(), typ="JWT")
    with db.reading() as session:
        row = session.scalars(select(SigningKey)).one()
    assert row.private_pem.startswith("v1.")
    assert set(row.public_jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert RSAKey.import_key(row.public_jwk).thumbprint() == row.kid


def test_ensure_makes_one_key(app: Flask, community_id: str) -> None:
    with db.transaction() as session:
        session.execute(delete(SigningKey))
    for _ in range(2):
        with db.transaction() as session:
            service.ensure(session, cipher(), community_id)
    assert len(keyring().jwks()["keys"]) == 1


def test_the_first_use_makes_the_first_key(app: Flask) -> None:
    with db.transaction() as session:
        session.execute(delete(SigningKey))
    assert keyring().verify(keyring().sign(claims(), typ="JWT"), typ={"JWT"})


def test_jwks_holds_public_members_only(client: FlaskClient) -> None:
    answer = client.get("/jwks", headers={"Origin": "https://app.example"})
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert [set(key) for key in answer.json["keys"]] == [{"kty", "n", "e", "kid", "use", "alg"}]
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    again = client.get("/jwks", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


def test_a_rotation_is_seen_after_a_while_and_old_tokens_stay_good(app: Flask, community_id: str) -> None:
    with time_machine.travel("2036-01-01T00:00:00Z", tick=False) as traveller:
        old = keyring().sign(claims(exp=2**31), typ="JWT")
        traveller.shift(1)
        with db.transaction() as session:
            kid = service.create(session, cipher(), community_id).kid
        assert header_of(keyring().sign(claims(), typ="JWT"))["kid"] != kid
        traveller.shift(RELOAD_AFTER / clock.SECOND)
        assert header_of(keyring().sign(claims(), typ="JWT"))["kid"] == kid
        assert keyring().verify(old, typ={"JWT"})
        assert len({key["kid"] for key in keyring().jwks()["keys"]}) == 2


def test_a_key_does_not_sign_before_its_turn_nor_verify_after_its_end(app: Flask, community_id: str) -> None:
    first = keyring().sign(claims(), typ="JWT")
    with db.transaction() as session:
        coming = service.create(session, cipher(), community_id)
        coming.active_at = clock.now() + clock.HOUR
    keyring().reload()
    assert header_of(keyring().sign(claims(), typ="JWT"))["kid"] != coming.kid
    assert len(keyring().jwks()["keys"]) == 2  # published before use
    with db.transaction() as session:
        session.get(SigningKey, header_of(first)["kid"]).retired_at = clock.now()
        session.get(SigningKey, coming.kid).active_at = clock.now()
    keyring().reload()
    assert refused(first) == "an unknown key"


def test_a_key_of_another_process_verifies_at_once(app: Flask, community_id: str) -> None:
    with time_machine.travel("2036-01-01T00:00:00Z", tick=False) as traveller:
        keyring().jwks()
        traveller.shift(6)
        with db.transaction() as session:
            service.create(session, cipher(), community_id)
        other = type(keyring())(keyring().issuer, cipher(), keyring()._load)
        assert keyring().verify(other.sign(claims(), typ="JWT"), typ={"JWT"})


def test_a_lost_secret_key_stops_signing_alone(client: FlaskClient) -> None:
    token, kid = keyring().sign(claims(), typ="JWT"), keyring().jwks()["keys"][0]["kid"]
    lost = Keyring(keyring().issuer, FieldCipher(("another secret key, of 32 characters",)), keyring()._load)
    client.application.extensions["msidp_keyring"] = lost
    assert client.get("/jwks").json["keys"][0]["kid"] == kid
    assert lost.verify(token, typ={"JWT"})
    with pytest.raises(CannotSign):
        lost.sign(claims(), typ="JWT")
    assert client.get("/readyz").status_code == 503


def test_wrong_claims_are_refused(app: Flask) -> None:
    for change in ({"iss": "https://evil.example"}, {"iss": None}, {"exp": None}, {"exp": "x"}, {"exp": 1.5}):
        assert refused(keyring().sign(claims(**change), typ="JWT"))


def test_audience_type_and_expiry(app: Flask) -> None:
    token = keyring().sign(claims(aud=["a", "b"]), typ="at+jwt")
    assert refused(token) == "another kind of token"
    token = keyring().sign(claims(aud=["a", "b"]), typ="JWT")
    assert keyring().verify(token, typ={"JWT"}, audience="b")
    assert refused(token, audience="c") == "another audience"
    over = keyring().sign(claims(exp=clock.seconds(clock.now())), typ="JWT")
    assert refused(over) == "expired"
    assert keyring().verify(over, typ={"JWT"}, leeway=10)
    assert keyring().verify(over, typ={"JWT"}, allow_expired=True)
    assert keyring().verify(keyring().sign(claims(iss="x"), typ="JWT"), typ={"JWT"}, issuer="x")


def test_forgeries_are_refused(app: Flask) -> None:
    kid = header_of(keyring().sign(claims(), typ="JWT"))["kid"]
    ours, theirs = own_private_key(), RSAKey.generate_key(2048)
    good = {"typ": "JWT", "alg": "RS256", "kid": kid}
    assert keyring().verify(forged(good, ours), typ={"JWT"})
    public_pem = ours.as_pem(private=False)
    assert refused(forged(good, theirs)) == "a wrong signature"
    assert refused(forged(good | {"kid": "?"}, theirs)) == "an unknown key"
    assert refused(forged({"alg": "RS256", "kid": kid}, ours)) == "another kind of token"
    assert refused(forged({"alg": "RS256", "typ": "JWT"}, ours)) == "another kind of token"
    hmac = forged(good | {"alg": "HS256"}, OctKey.import_key(public_pem.replace(b"-----", b"=====")))
    assert refused(hmac) == "another algorithm than its key's"
    extra = {
        "jwk": ECKey.generate_key("P-256").as_dict(private=False),
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x",
        "x5c": ["AAAA"],
        "b64": True,
    }
    for name, value in extra.items():
        assert refused(forged(good | {name: value}, ours)) == "another kind of token"
    with_crit = resigned(good | {"crit": ["exp"], "exp": 1}, ours)
    assert refused(with_crit)


def resigned(header: dict, key: RSAKey) -> str:
    """Sign any header at all, past joserfc's own checks."""
    model = jws.JWSRegistry(algorithms=["RS256"]).get_alg("RS256")
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims())]
    signature = model.sign(b".".join(parts), key)
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_other_algorithms_are_refused(app: Flask) -> None:
    kid = header_of(keyring().sign(claims(), typ="JWT"))["kid"]
    key = own_private_key()
    for alg in ("none", "None", "HS256", "ES256", "RS512", 7, None, ["RS256"], {"a": 1}):
        token = resigned({"typ": "JWT", "alg": alg, "kid": kid}, key)
        assert refused(token) == "another algorithm than its key's"
        assert refused(token.rsplit(".", 1)[0] + ".")


def test_what_is_not_a_token_is_refused(app: Flask) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 300).decode() + ".e30.e30"
    broken = (
        "",
        ".",
        "..",
        "a.b.c",
        "é.b.c",
        "\0",
        "\ud800",
        "A" * 200_000,
        "e30.e30.",
        "W10.W10.W10",
        "MQ.MQ.MQ",
    )
    for token in (*broken, "bnVsbA..", deep, '{"a":1}', "a.b.c.d.e"):
        assert refused(token)


def test_key_ids_that_are_not_text_are_refused(app: Flask) -> None:
    key = own_private_key()
    for kid in (None, 7, ["x"], {"a": 1}):
        assert refused(resigned({"typ": "JWT", "alg": "RS256", "kid": kid}, key))


def test_each_altered_segment_is_refused(app: Flask) -> None:
    segments = keyring().sign(claims(), typ="JWT").split(".")
    for index, segment in enumerate(segments):
        other = "f" if segment[10] != "f" else "g"
        altered = [*segments[:index], segment[:10] + other + segment[11:], *segments[index + 1 :]]
        assert refused(".".join(altered))
