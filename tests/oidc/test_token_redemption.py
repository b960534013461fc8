"""Codes and refresh tokens: each buys once, for its client, with its companions, while its grant stands."""

import time as real_time
from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from flask_alembic import Alembic
from sqlalchemy import select
from tests.oidc.conftest import (
    VERIFIER,
    Relying,
    access_claims,
    id_claims,
    register,
    token_error,
)
from tests.oidc.test_revocation import revoke

from msidp import clock, db, ids, migrating
from msidp.keys.keyring import Keyring, keyring
from msidp.members import service as members
from msidp.members.models import Member
from msidp.oidc import expiry, grants
from msidp.oidc.models import Grant
from msidp.vault.fields import FieldCipher

OFFLINE = "openid email offline_access"


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(real_time.time(), tick=False) as traveller:
        yield traveller


def is_dead(relying: Relying, access_token: str) -> bool:
    return relying.userinfo(access_token).status_code == 401


# Codes


def test_a_wrong_companion_spends_the_code(spa: Relying) -> None:
    for wrong in (
        {"redirect_uri": "https://shop.example/cb/"},
        {"redirect_uri": "https://evil.example/cb"},
        {"code_verifier": None},
        {"code_verifier": VERIFIER + "\n"},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": "short"},
        {"code_verifier": "ü" * 50},
    ):
        code = spa.code()
        assert token_error(spa.exchange(code, **wrong)) == "invalid_grant", wrong
        assert token_error(spa.exchange(code)) == "invalid_grant", wrong


def test_a_verifier_without_a_challenge_is_refused(shop: Relying) -> None:
    code = shop.code(code_challenge=None, code_challenge_method=None)
    assert token_error(shop.exchange(code)) == "invalid_grant"


def test_a_code_is_for_its_client(admin: FlaskClient, shop: Relying) -> None:
    other = register(admin, shop.browser)
    code = shop.code()
    assert token_error(other.exchange(code)) == "invalid_grant"
    assert shop.exchange(code).status_code == 200  # a stranger cannot spend it


def test_a_code_lasts_a_minute(shop: Relying, time: time_machine.Traveller) -> None:
    first, second = shop.code(), shop.code()
    time.shift(59)
    assert shop.exchange(first).status_code == 200
    time.shift(1)
    assert token_error(shop.exchange(second)) == "invalid_grant"


def test_a_second_use_revokes_what_was_issued(shop: Relying, time: time_machine.Traveller) -> None:
    for later in (0, 30, 3000):
        code = shop.code(scope=OFFLINE)
        tokens = shop.exchange(code).json
        assert not is_dead(shop, tokens["access_token"])
        time.shift(later)
        with db.transaction() as session:
            expiry.purge_expired(session, clock.now())
        assert token_error(shop.exchange(code)) == "invalid_grant"
        assert is_dead(shop, tokens["access_token"])
        assert token_error(shop.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_what_is_no_code(shop: Relying) -> None:
    for code in ("x", "\0", "ü", "a" * 9000, "' OR 1=1 --"):
        assert token_error(shop.exchange(code)) == "invalid_grant"
        assert token_error(shop.refresh(code)) == "invalid_grant"


# Refresh tokens


def test_a_refresh_token_needs_offline_access(shop: Relying) -> None:
    assert "refresh_token" not in shop.tokens()
    assert shop.tokens(scope=OFFLINE)["refresh_token"].startswith("rt_")


def test_an_application_without_the_grant_gets_none(admin: FlaskClient, shop: Relying) -> None:
    plain = register(admin, shop.browser, grantTypes=["authorization_code"])
    tokens = plain.tokens(scope=OFFLINE)
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid email"
    assert token_error(plain.refresh("rt_x")) == "unauthorized_client"


def test_refreshing_keeps_the_login_and_rotates(
    shop: Relying, spa: Relying, time: time_machine.Traveller
) -> None:
    for relying in (shop, spa):
        first = relying.tokens(scope=OFFLINE)
        before = id_claims(first["id_token"])
        time.shift(7200)
        answer = relying.refresh(first["refresh_token"])
        assert answer.status_code == 200, answer.json
        second = answer.json
        assert second["refresh_token"] != first["refresh_token"]
        after = id_claims(second["id_token"])
        for name in ("iss", "sub", "aud", "auth_time", "sid", "amr"):
            assert after[name] == before[name]
        assert after["iat"] == before["iat"] + 7200
        assert "nonce" not in after
        assert not is_dead(relying, second["access_token"])
        assert access_claims(second["access_token"])["scope"] == OFFLINE


def test_reuse_ends_the_family(shop: Relying) -> None:
    first = shop.tokens(scope=OFFLINE)
    second = shop.refresh(first["refresh_token"]).json
    assert token_error(shop.refresh(first["refresh_token"])) == "invalid_grant"
    assert token_error(shop.refresh(second["refresh_token"])) == "invalid_grant"
    for tokens in (first, second):
        assert is_dead(shop, tokens["access_token"])


def test_reuse_is_known_however_long_ago_it_was(shop: Relying) -> None:
    first = shop.tokens(scope=OFFLINE)
    last = first
    for _ in range(3):
        last = shop.refresh(last["refresh_token"]).json
    assert not is_dead(shop, last["access_token"])
    assert token_error(shop.refresh(first["refresh_token"])) == "invalid_grant"
    assert is_dead(shop, last["access_token"])


def test_a_stranger_cannot_end_a_grant(admin: FlaskClient, shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    last = shop.refresh(tokens["refresh_token"]).json["refresh_token"]
    family = tokens["refresh_token"]
    other = register(admin, shop.browser)
    for guess in (family, f"{family}.x", last):  # another client, though it has seen them
        assert token_error(other.refresh(guess)) == "invalid_grant"
    gid = access_claims(tokens["access_token"])["gid"]
    for guess in (gid, f"rt_{gid}", "rt_", "rt_.", f"rt_.{last.partition('.')[2]}", family[:-1]):
        assert token_error(shop.refresh(guess)) == "invalid_grant"  # who knows less than a token
    for mangled in (f"{last} ", f"{last}x", f"{last}\n", last[:-1], f"{family}.", f"{last}.{last[-43:]}"):
        assert token_error(shop.refresh(mangled)) == "invalid_grant"  # a mistake, and no theft
        assert revoke(shop, mangled).status_code == 200
    assert shop.refresh(last).status_code == 200


def test_a_refresh_token_is_for_its_client(admin: FlaskClient, shop: Relying) -> None:
    other = register(admin, shop.browser)
    token = shop.tokens(scope=OFFLINE)["refresh_token"]
    assert token_error(other.refresh(token)) == "invalid_grant"
    assert shop.refresh(token).status_code == 200


def test_a_narrower_scope(shop: Relying) -> None:
    token = shop.tokens(scope=OFFLINE)["refresh_token"]
    narrow = shop.refresh(token, scope="openid").json
    assert narrow["scope"] == "openid"
    assert set(shop.userinfo(narrow["access_token"]).json) == {"sub"}
    none = shop.refresh(narrow["refresh_token"], scope="email").json
    assert "id_token" not in none
    wider = shop.refresh(none["refresh_token"], scope="openid phone")
    assert token_error(wider) == "invalid_scope"
    assert wider.json["error_description"] == "The scope goes beyond what the member allowed."
    whole = shop.refresh(none["refresh_token"])  # which spent nothing
    assert whole.json["scope"] == OFFLINE


def test_a_family_lasts_thirty_days(shop: Relying, time: time_machine.Traveller) -> None:
    token = shop.tokens(scope=OFFLINE)["refresh_token"]
    time.shift(30 * 86400 - 600)
    last = shop.refresh(token).json
    assert last["expires_in"] == 600  # nothing outlives the grant
    time.shift(599)
    assert not is_dead(shop, last["access_token"])
    time.shift(1)
    assert token_error(shop.refresh(last["refresh_token"])) == "invalid_grant"
    assert is_dead(shop, last["access_token"])


# Ends


def test_a_revoked_grant_ends_everything(shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    with db.core_transaction() as connection:
        grants.revoke(connection, access_claims(tokens["access_token"])["gid"])
    assert is_dead(shop, tokens["access_token"])
    assert token_error(shop.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_a_deleted_member_ends_everything(shop: Relying, member: Member, community_id: str) -> None:
    tokens, code = shop.tokens(scope=OFFLINE), shop.code()
    with db.transaction() as session:
        members.delete_member(session, community_id, member.id)
    assert is_dead(shop, tokens["access_token"])
    assert token_error(shop.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert token_error(shop.exchange(code)) == "invalid_grant"


def test_a_deleted_application_ends_its_grants(admin: FlaskClient, shop: Relying) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    admin.delete(f"/applications/{shop.id}")
    assert is_dead(shop, tokens["access_token"])
    assert token_error(shop.refresh(tokens["refresh_token"]), 401) == "invalid_client"
    with db.reading() as session:
        assert session.scalars(select(Grant)).all() == []


def test_what_is_over_is_purged(shop: Relying, time: time_machine.Traveller) -> None:
    shop.tokens()
    shop.tokens(scope=OFFLINE)
    counts = []
    for days in (0, 1, 30):
        time.shift(days * 86400)
        with db.transaction() as session:
            counts.append(expiry.purge_expired(session, clock.now()))
    assert counts == [0, 1, 1]


def test_secrets_are_stored_as_hashes(shop: Relying) -> None:
    code = shop.code(scope=OFFLINE)
    token = shop.exchange(code).json["refresh_token"]
    with db.reading() as session:
        row = session.execute(select(Grant.__table__)).one()
    assert (row.code_hash, row.refresh_hash) == (ids.hash_token(code), ids.hash_token(token))
    token = shop.refresh(token).json["refresh_token"]
    with db.reading() as session:
        row = session.execute(select(Grant.__table__)).one()
    assert row.refresh_hash == ids.hash_token(token)
    assert not any(secret in str(row) for secret in (code, *token.removeprefix("rt_").split(".")))


@pytest.fixture
def schema(app: Flask) -> Alembic:
    """Made before the first request, after which Flask takes nothing in."""
    return migrating.alembic()


@pytest.mark.own_database
def test_what_was_issued_before_tables_were_joined_stays_good(
    schema: Alembic, shop: Relying, spa: Relying
) -> None:
    """It was taken over from the tables of codes and refresh tokens, and could be taken back."""
    unused, spent = shop.code(scope=OFFLINE), shop.code(scope=OFFLINE)
    online = shop.code()
    tokens, bound = shop.exchange(spent).json, spa.tokens(scope=OFFLINE)
    schema.downgrade("0032")
    schema.upgrade()
    assert shop.exchange(unused).json["refresh_token"].startswith("rt_")
    assert "refresh_token" not in shop.exchange(online).json
    second = spa.refresh(bound["refresh_token"]).json
    assert spa.refresh(second["refresh_token"]).status_code == 200
    assert token_error(spa.refresh(bound["refresh_token"])) == "invalid_grant"
    assert is_dead(spa, second["access_token"])
    assert token_error(shop.exchange(spent)) == "invalid_grant"
    assert is_dead(shop, tokens["access_token"])


def test_a_code_that_bought_nothing_is_said_to_be_used(shop: Relying) -> None:
    code = shop.code()
    assert token_error(shop.exchange(code, code_verifier="b" * 43)) == "invalid_grant"
    again = shop.exchange(code)
    assert token_error(again) == "invalid_grant"
    assert "It was used before; what may have been issued" in again.json["error_description"]


def test_a_lost_signing_key_spends_nothing(shop: Relying) -> None:
    code, ring = shop.code(), keyring()
    extensions = shop.backend.application.extensions
    extensions["msidp_keyring"] = Keyring(
        ring.issuer, FieldCipher(("a secret key of another place",)), ring._load
    )
    assert token_error(shop.exchange(code), 503) == "temporarily_unavailable"
    extensions["msidp_keyring"] = ring
    assert shop.exchange(code).status_code == 200
