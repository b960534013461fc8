"""The keyring: what it signs, what it publishes, and every token it refuses."""

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey, import_key
from sqlalchemy import delete, select

from msidp import clock, db
from msidp.keys import keyring as keyrings
from msidp.keys import service
from msidp.keys.keyring import CannotSign, InvalidToken, Keyring, keyring
from msidp.keys.models import SigningKey
from msidp.keys.pairs import ALGORITHMS, generate
from msidp.keys.service import Rotation
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
        row = session.scalars(select(SigningKey).where(SigningKey.algorithm == "RS256")).one()
    return RSAKey.import_key(cipher().open(row.private_pem, service.private_context(row.kid)))


def refused(token: str, **options) -> str:
    with pytest.raises(InvalidToken) as caught:
        keyring().verify(token, typ={"JWT"}, **options)
    return str(caught.value)


def test_a_signed_token_verifies(app: Flask) -> None:
    token = keyring().sign(claims(), typ="JWT")
    assert keyring().verify(token, typ={"JWT", "at+jwt"}, audience="app_1")["sub"] == "mem_1"
    assert header_of(token) == {"typ": "JWT", "alg": "RS256", "kid": keyring().jwks()["keys"][0]["kid"]}


def test_the_private_keys_are_sealed_in_the_database(app: Flask) -> None:
    keyring().sign(claims(), typ="JWT")
    with db.reading() as session:
        rows = session.scalars(select(SigningKey)).all()
    for row in rows:
        assert row.private_pem.startswith("v1.")
        assert import_key(row.public_jwk).thumbprint() == row.kid


def test_ensure_makes_one_key_of_each_algorithm(app: Flask, community_id: str) -> None:
    with db.transaction() as session:
        session.execute(delete(SigningKey))
    for _ in range(2):
        with db.transaction() as session:
            service.ensure(session, cipher(), community_id)
    assert [key["alg"] for key in keyring().jwks()["keys"]] == ["RS256", "PS256", "ES256", "EdDSA"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_signs_with_a_key_of_its_own(app: Flask, algorithm: str) -> None:
    token = keyring().sign(claims(), typ="JWT", algorithm=algorithm)
    header = header_of(token)
    [key] = [key for key in keyring().jwks()["keys"] if key["kid"] == header["kid"]]
    assert header["alg"] == key["alg"] == algorithm
    assert keyring().verify(token, typ={"JWT"})["sub"] == "mem_1"
    by_pyjwt = jwt.decode(token, jwt.PyJWK(key).key, algorithms=[algorithm], options={"verify_aud": False})
    assert by_pyjwt["sub"] == "mem_1"


def test_the_first_use_makes_the_first_key(app: Flask) -> None:
    with db.transaction() as session:
        session.execute(delete(SigningKey))
    assert keyring().verify(keyring().sign(claims(), typ="JWT"), typ={"JWT"})


def test_jwks_holds_public_members_only(client: FlaskClient) -> None:
    answer = client.get("/jwks", headers={"Origin": "https://app.example"})
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    members = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
    keys = answer.json["keys"]
    assert {key["kty"] for key in keys} == set(members)
    for key in keys:
        assert set(key) == members[key["kty"]] | {"kty", "kid", "use", "alg"}
    assert len({key["kid"] for key in keys}) == len(keys)
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    again = client.get("/jwks", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


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


def test_a_token_that_comes_again_is_looked_at_again(app: Flask, community_id: str) -> None:
    ring = keyring()
    token = ring.sign(claims(), typ="JWT", algorithm="ES256")
    other = ring.sign(claims(sub="mem_2"), typ="JWT", algorithm="ES256")
    for _ in range(2):
        first = ring.verify(token, typ={"JWT"})
        assert first.pop("sub") == "mem_1"  # what a caller changes is its own
    head, payload, signature = token.split(".")
    for altered in (f"{head}.{payload}.{other.split('.')[2]}", f"{head}.{other.split('.')[1]}.{signature}"):
        assert refused(altered) == "a wrong signature"
    assert refused(f"{token}=")
    assert refused(token, audience="app_2") == "another audience"
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        assert refused(token) == "expired"
    with db.transaction() as session:
        service.rotate(session, cipher(), community_id, generate("ES256"), Rotation.REVOKING)
    ring.reload()
    assert refused(token) == "an unknown key"


def test_few_tokens_are_remembered(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyrings, "MAX_SEEN", 5)
    for number in range(12):
        keyring().verify(keyring().sign(claims(jti=number), typ="JWT", algorithm="EdDSA"), typ={"JWT"})
    assert len(keyring()._seen) <= 5
