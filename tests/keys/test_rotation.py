"""Rotation: published before use, kept after, seen by every process, revoked where one has leaked."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import jwt
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from msidp import clock, db
from msidp.audit.service import Actor
from msidp.keys import rotation, service
from msidp.keys.keyring import RELOAD_AFTER, InvalidToken, Keyring, keyring
from msidp.keys.models import SigningKey
from msidp.keys.pairs import ALGORITHMS, generate
from msidp.keys.routes import MAX_AGE
from msidp.keys.service import AHEAD, HINTS_AFTER, KEPT_AFTER, LONGEST_TOKEN, Rotation
from msidp.oidc.schemas import NewApplication
from msidp.ops import housekeeping
from msidp.vault.fields import cipher


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:  # the keys are a few moments old
        yield traveller


def later(time: time_machine.Traveller, milliseconds: int) -> None:
    time.shift(milliseconds / clock.SECOND)


def signed(ring: Keyring | None = None, *, lifetime: int = 3600, algorithm: str = "ES256") -> str:
    now = clock.seconds(clock.now())
    claims = {"iss": keyring().issuer, "sub": "mem_1", "aud": "a", "iat": now, "exp": now + lifetime}
    return (ring or keyring()).sign(claims, typ="JWT", algorithm=algorithm)


def kid_of(token: str) -> str:
    segment = token.split(".")[0]
    kid: str = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))["kid"]
    return kid


def rotate(community_id: str, manner: Rotation = Rotation.OVERLAPPING, algorithm: str = "ES256") -> str:
    [key] = rotation.rotate([algorithm], manner, Actor(community_id, "operator", None))
    return key.kid


def another_process() -> Keyring:
    """A keyring with a cache of its own."""
    return Keyring(keyring().issuer, cipher(), keyring()._load)


def published(ring: Keyring | None = None) -> list[str]:
    return [key["kid"] for key in (ring or keyring()).jwks()["keys"] if key["alg"] == "ES256"]


def is_good(token: str, ring: Keyring | None = None, **options: bool) -> bool:
    try:
        return bool((ring or keyring()).verify(token, typ={"JWT"}, **options))
    except InvalidToken:
        return False


def test_a_life_of_a_key(app: Flask, community_id: str, time: time_machine.Traveller) -> None:
    """Published, then signing, then published for what it signed, then good for hints, then forgotten."""
    first, other = signed(), another_process()
    signed(other)
    second = rotate(community_id)
    assert published() == [kid_of(first), second]  # the one that signs stands first
    later(time, RELOAD_AFTER)
    assert published(other) == [kid_of(first), second]
    later(time, AHEAD - RELOAD_AFTER - 1)
    for ring in (keyring(), other):
        assert kid_of(signed(ring)) == kid_of(first)
    last_of_first = signed(lifetime=LONGEST_TOKEN // clock.SECOND + 1)
    later(time, RELOAD_AFTER)
    for ring in (keyring(), other):
        assert kid_of(signed(ring)) == second
    assert published() == [second, kid_of(first)]
    later(time, LONGEST_TOKEN - RELOAD_AFTER)
    assert is_good(last_of_first)
    later(time, KEPT_AFTER - LONGEST_TOKEN + RELOAD_AFTER)
    assert published() == [second]
    assert not is_good(first)
    housekeeping.clean()
    with db.reading() as session:
        assert session.get_one(SigningKey, kid_of(first)).private_pem == ""
        assert session.get_one(SigningKey, second).private_pem
    assert is_good(first, allow_expired=True)
    later(time, HINTS_AFTER)
    housekeeping.clean()
    assert not is_good(first, allow_expired=True)


@pytest.mark.database("sqlite")
def test_no_cache_that_keeps_to_our_headers_meets_an_unknown_key(
    client: FlaskClient, community_id: str, time: time_machine.Traveller
) -> None:
    """A verifier that fetched the JWKS the moment before a rotation has to ask again before its use."""
    answer = client.get("/jwks")
    assert answer.headers["Cache-Control"] == f"public, max-age={MAX_AGE}"
    rotate(community_id)
    assert AHEAD > MAX_AGE * clock.SECOND + RELOAD_AFTER
    again = client.get("/jwks", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, len(again.json["keys"])) == (200, len(ALGORITHMS) + 1)


@pytest.mark.database("sqlite")
def test_a_caching_client_verifies_across_a_rotation(
    base_url: str, community_id: str, time: time_machine.Traveller
) -> None:
    """PyJWT's client, as relying parties use it, with a cache that it never renews by itself."""
    before = {algorithm: signed(algorithm=algorithm) for algorithm in ALGORITHMS}
    following = {name: rotate(community_id, algorithm=name) for name in ALGORITHMS}
    verifier = jwt.PyJWKClient(f"{base_url}/jwks", lifespan=1e9, cooldown_duration=1e9)
    assert len(verifier.get_signing_keys()) == 2 * len(ALGORITHMS)

    def verify(token: str) -> None:
        key = verifier.get_signing_key_from_jwt(token)
        options = {"verify_exp": False, "verify_iat": False}
        assert jwt.decode(token, key, algorithms=list(ALGORITHMS), audience="a", options=options)

    later(time, AHEAD)
    verifier.uri = "http://127.0.0.1:1/nobody"  # from here on it cannot ask again
    for algorithm in ALGORITHMS:
        after = signed(algorithm=algorithm)
        assert kid_of(after) == following[algorithm]
        verify(after)
        verify(before[algorithm])


@pytest.mark.database("sqlite")
def test_a_client_that_asks_for_unknown_keys_verifies_across_a_rotation_at_once(
    base_url: str, community_id: str
) -> None:
    verifier = jwt.PyJWKClient(f"{base_url}/jwks", cooldown_duration=0)
    before = signed()
    for token in (before, (rotate(community_id, Rotation.NOW), signed())[1], before):
        key = verifier.get_signing_key_from_jwt(token)
        assert jwt.decode(token, key, algorithms=["ES256"], audience="a")


def test_a_rotation_under_way_is_not_begun_anew(app: Flask, community_id: str) -> None:
    assert rotate(community_id) == rotate(community_id)
    assert len(published()) == 2
    first, second = published()
    assert rotate(community_id, Rotation.NOW) == second  # its turn comes at once
    assert kid_of(signed()) == second
    assert set(published()) == {first, second}


def test_two_who_rotate_at_once_make_one_key(app: Flask, community_id: str) -> None:
    barrier = threading.Barrier(4)

    def one() -> None:
        with app.app_context():
            barrier.wait()
            rotate(community_id)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(published()) == 2


def test_the_calendar_rotates(app: Flask, time: time_machine.Traveller) -> None:
    first = signed()
    housekeeping.clean()
    assert len(published()) == 1
    later(time, 89 * clock.DAY)
    for _ in range(2):  # two crons
        housekeeping.clean()
    assert len(keyring().jwks()["keys"]) == 2 * len(ALGORITHMS)
    later(time, clock.DAY)
    assert kid_of(signed()) != kid_of(first)


@pytest.mark.database("sqlite")
def test_the_calendar_can_be_switched_off(app: Flask, time: time_machine.Traveller) -> None:
    settings = app.extensions["msidp_settings"].model_copy(update={"key_rotation_days": 0})
    app.extensions["msidp_settings"] = settings
    signed()
    later(time, 900 * clock.DAY)
    housekeeping.clean()
    assert len(keyring().jwks()["keys"]) == len(ALGORITHMS)


def test_a_revoked_key_verifies_nothing(app: Flask, community_id: str, time: time_machine.Traveller) -> None:
    leaked, untouched, other = signed(), signed(algorithm="RS256"), another_process()
    assert is_good(leaked, other)
    waiting = rotate(community_id)
    fresh = rotate(community_id, Rotation.REVOKING)
    assert published() == [fresh]
    assert fresh not in (kid_of(leaked), waiting)
    assert kid_of(signed()) == fresh
    assert not is_good(leaked)
    assert not is_good(leaked, allow_expired=True)
    assert is_good(untouched)
    later(time, RELOAD_AFTER)
    assert not is_good(leaked, other)
    assert kid_of(signed(other)) == fresh


@pytest.mark.database("sqlite")
def test_a_key_of_another_process_verifies_at_once(
    app: Flask, community_id: str, time: time_machine.Traveller
) -> None:
    keyring().jwks()
    later(time, 6 * clock.SECOND)
    with db.transaction() as session:
        service.rotate(session, cipher(), community_id, generate("ES256"), Rotation.NOW)
    assert is_good(signed(another_process()))


def test_over_the_admin_api(admin: FlaskClient, client: FlaskClient) -> None:
    answer = admin.get("/keys").json
    assert [(key["algorithm"], key["status"]) for key in answer["data"]] != []
    assert {key["status"] for key in answer["data"]} == {"active"}
    assert answer["totalCount"] == len(ALGORITHMS)
    rotated = admin.post("/keys/rotate", json={"algorithm": "ES256"}).json["data"]
    [coming] = [key for key in rotated if key["status"] == "next"]
    assert coming["algorithm"] == "ES256"
    assert coming["activeAt"] > coming["createdAt"]
    [present] = [key for key in rotated if key["algorithm"] == "ES256" and key["status"] == "active"]
    assert present["retiredAt"] > coming["activeAt"]
    assert coming["kid"] in {key["kid"] for key in client.get("/jwks").json["keys"]}
    switched = admin.post("/keys/rotate", json={"now": True}).json["data"]
    states = [(key["algorithm"], key["status"]) for key in switched]
    assert sorted(states) == sorted((name, state) for name in ALGORITHMS for state in ("active", "retiring"))
    revoked = admin.post("/keys/rotate", json={"revoke": True, "algorithm": "RS256"}).json["data"]
    assert [key["status"] for key in revoked if key["algorithm"] == "RS256"] == ["active"]
    assert "private" not in str(revoked).lower()
    entries = admin.get("/audit-log").json["data"]
    manners = [each["details"]["manner"] for each in entries if each["action"] == "signing_key.rotated"]
    assert manners == ["overlapping", *["now"] * 4, "revoking"]


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("body", [{"algorithm": "HS256"}, {"algorithm": 1}, {"now": 1}, {"other": True}])
def test_unusable_rotations_are_refused(admin: FlaskClient, body: dict) -> None:
    assert admin.post("/keys/rotate", json=body).status_code == 422
    assert len(published()) == 1


@pytest.mark.database("sqlite")
def test_keys_need_a_secret_key(client: FlaskClient) -> None:
    assert client.get("/keys").status_code == 401
    assert client.post("/keys/rotate", json={}).status_code == 401


def test_the_database_says_so_too(app: Flask, community_id: str) -> None:
    """The columns that an operator who looks into the table goes by."""
    for manner in (Rotation.OVERLAPPING, Rotation.NOW):  # the second brings forward what the first began
        rotate(community_id, manner)
        with db.reading() as session:
            former, following = session.scalars(
                select(SigningKey).where(SigningKey.algorithm == "ES256").order_by(SigningKey.active_at)
            )
        assert former.retired_at == following.active_at + KEPT_AFTER
        assert following.retired_at is None


def test_no_token_outlives_its_key() -> None:
    """What applications may ask for keeps to what rotation counts on."""
    for name in ("access_token_lifetime", "id_token_lifetime"):
        most = [rule.le for rule in NewApplication.model_fields[name].metadata if hasattr(rule, "le")]
        assert max(most) * clock.SECOND <= LONGEST_TOKEN, name
