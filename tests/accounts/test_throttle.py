"""Failed log-ins are throttled per account and per address; successes never are."""

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from tests.accounts.test_abuse import FORM, post

from msidp import queue
from msidp.accounts import throttle
from msidp.communities.guard import default_community_id
from msidp.errors import TooManyRequests

# The counts live on Valkey: one kind of database says it all.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WRONG = {"email": "ada@example.com", "password": "wrong password"}


def use_up(app: Flask, account: str | None, address: str) -> int:
    """Fail until refused. Returns after how many failures."""
    for count in range(2000):
        try:
            throttle.check(throttle.limits(account, address))
        except TooManyRequests:
            return count
        throttle.record_failure(throttle.limits(account, address))
    raise AssertionError("never refused")


def test_an_account_is_closed_after_twenty_failures(app: Flask, client: FlaskClient) -> None:
    assert post(client, "/signup", **FORM).status_code == 303
    for _ in range(19):
        throttle.record_failure(throttle.limits(f"{default_community_id()} ada@example.com", None))
    assert post(app.test_client(), "/login", **WRONG).status_code == 401
    answer = post(app.test_client(), "/login", **{**FORM, "email": "ADA@example.com"})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= throttle.WINDOW
    assert "Please wait" in answer.text
    assert 'value="ADA@example.com"' in answer.text
    assert post(app.test_client(), "/signup", **WRONG).status_code == 429
    assert post(app.test_client(), "/login", email="eve@example.com", password="x").status_code == 401


def test_an_unknown_account_is_closed_alike(app: Flask) -> None:
    statuses = [post(app.test_client(), "/login", **WRONG).status_code for _ in range(21)]
    assert statuses == [401] * 20 + [429]


def test_an_address_is_closed_after_more(app: Flask) -> None:
    assert use_up(app, None, "192.0.2.1") == 100
    throttle.check(throttle.limits(None, "192.0.2.2"))


def test_loopback_is_treated_generously(app: Flask) -> None:
    assert use_up(app, None, "127.0.0.1") == 1000


def test_an_ipv6_network_counts_as_one(app: Flask) -> None:
    assert use_up(app, None, "2001:db8::1") == 100
    with pytest.raises(TooManyRequests):
        throttle.check(throttle.limits(None, "2001:db8::ffff:2"))
    throttle.check(throttle.limits(None, "2001:db8:0:1::1"))
    assert use_up(app, None, "192.0.2.1") == 100
    with pytest.raises(TooManyRequests):
        throttle.check(throttle.limits(None, "::ffff:192.0.2.1"))


def test_successes_are_not_throttled(app: Flask, client: FlaskClient) -> None:
    assert post(client, "/signup", **FORM).status_code == 303
    account = f"{default_community_id()} ada@example.com"
    for _ in range(19):
        throttle.record_failure(throttle.limits(account, "127.0.0.1"))
    for _ in range(5):
        assert post(app.test_client(), "/login", **FORM).status_code == 303
    throttle.check(throttle.limits(account, "127.0.0.1"))


def test_the_window_is_fixed_and_ends(app: Flask) -> None:
    limits = throttle.limits("somebody", "192.0.2.1")
    throttle.record_failure(limits)
    queue.connection().expire(limits[0].key, 100)
    throttle.record_failure(limits)
    assert int(queue.connection().ttl(limits[0].key)) <= 100  # a later failure does not lengthen it
    for _ in range(20):
        throttle.record_failure(limits)
    with pytest.raises(TooManyRequests):
        throttle.check(limits)
    queue.connection().pexpire(limits[0].key, 1)
    while queue.connection().exists(limits[0].key):
        pass
    throttle.check(limits)


def test_keys_hold_no_address_in_clear(app: Flask, client: FlaskClient) -> None:
    post(client, "/login", **WRONG)
    keys = b" ".join(queue.connection().keys("msidp:login-failures:*"))
    assert keys.count(b"login-failures") == 2
    assert b"ada@" not in keys
    assert b"127.0.0.1" not in keys


def test_without_the_queue_people_still_log_in(app: Flask, client: FlaskClient, tmp_path) -> None:
    app.extensions["msidp_redis"] = redis.Redis.from_url(f"unix://{tmp_path}/nobody.sock")
    assert post(client, "/login", **WRONG).status_code == 401
    assert post(client, "/signup", **FORM).status_code == 303


def test_throttles_can_be_switched_off(app: Flask) -> None:
    app.extensions["msidp_settings"] = app.extensions["msidp_settings"].model_copy(
        update={"rate_limits": False}
    )
    for _ in range(25):
        assert post(app.test_client(), "/login", **WRONG).status_code == 401


@pytest.mark.parametrize("address", [None, "", "no address", "fe80::1%eth0"])
def test_odd_addresses(app: Flask, address: str | None) -> None:
    throttle.check(throttle.limits(None, address))


def test_mails_are_counted_by_their_receiver_and_by_who_asks(app: Flask) -> None:
    asks = [post(app.test_client(), "/forgot-password", email="eve@example.com") for _ in range(11)]
    assert [answer.status_code for answer in asks] == [200] * 10 + [429]
    assert int(asks[-1].headers["Retry-After"]) > 0
    # One counter for every kind of mail to somebody, another for everybody else.
    assert post(app.test_client(), "/login/mail", email="EVE@example.com").status_code == 429
    assert post(app.test_client(), "/login/mail", email="bob@example.com").status_code == 303
    # Nobody is shut out of their password by mails that others ask for.
    assert post(app.test_client(), "/login", **{**WRONG, "email": "eve@example.com"}).status_code == 401


def test_each_factor_counts_for_itself(app: Flask) -> None:
    address = "192.0.2.1"
    limits = {
        "password": throttle.limits("a", address),
        "code": throttle.code_limits("a", address),
        "mailed code": throttle.mailed_code_limits("a", address),
        "mail": throttle.mail_limits("a", address),
    }
    keys = [limit.key for found in limits.values() for limit in found]
    assert len(keys) == len(set(keys))
    for name, mine in limits.items():
        for _ in range(100):
            throttle.record_failure(mine)
        with pytest.raises(TooManyRequests):
            throttle.check(mine)
        for other, theirs in limits.items():
            if list(limits).index(other) > list(limits).index(name):
                throttle.check(theirs)
