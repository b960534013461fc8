"""Failed log-ins are throttled per account and per address; successes never are."""

from collections.abc import Callable

import pytest
import redis
import requests
from flask import Flask
from flask.testing import FlaskClient
from tests.accounts.factors.support import ADA, add_app, sign_up
from tests.accounts.mailed.support import member
from tests.accounts.test_abuse import FORM, post
from tests.support.forms import Browser, Form
from tests.support.threads import at_once

from msidp import queue
from msidp.accounts import throttle
from msidp.communities.guard import default_community_id
from msidp.errors import TooManyRequests

# The counts live on Valkey: one kind of database says it all.
pytestmark = pytest.mark.database("sqlite")
WRONG = {"email": "ada@example.com", "password": "wrong password"}


def use_up(app: Flask, account: str | None, address: str) -> int:
    """Fail until refused. Returns after how many failures."""
    for count in range(2000):
        try:
            throttle.take(throttle.limits(account, address))
        except TooManyRequests:
            return count
    raise AssertionError("never refused")


def check(limits: list[throttle.Limit]) -> None:
    """See that one more would be tried."""
    with throttle.attempt(limits):
        pass


def test_an_account_is_closed_after_twenty_failures(app: Flask, client: FlaskClient) -> None:
    assert post(client, "/signup", **FORM).status_code == 303
    for _ in range(19):
        throttle.take(throttle.limits(f"{default_community_id()} ada@example.com", None))
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
    check(throttle.limits(None, "192.0.2.2"))


def test_loopback_is_treated_generously(app: Flask) -> None:
    assert use_up(app, None, "127.0.0.1") == 1000


def test_an_ipv6_network_counts_as_one(app: Flask) -> None:
    assert use_up(app, None, "2001:db8::1") == 100
    with pytest.raises(TooManyRequests):
        check(throttle.limits(None, "2001:db8::ffff:2"))
    check(throttle.limits(None, "2001:db8:0:1::1"))
    assert use_up(app, None, "192.0.2.1") == 100
    with pytest.raises(TooManyRequests):
        check(throttle.limits(None, "::ffff:192.0.2.1"))


def test_successes_are_not_throttled(app: Flask, client: FlaskClient) -> None:
    assert post(client, "/signup", **FORM).status_code == 303
    account = f"{default_community_id()} ada@example.com"
    for _ in range(19):
        throttle.take(throttle.limits(account, "127.0.0.1"))
    for _ in range(5):
        assert post(app.test_client(), "/login", **FORM).status_code == 303
    check(throttle.limits(account, "127.0.0.1"))


def test_the_window_is_fixed_and_ends(app: Flask) -> None:
    limits = throttle.limits("somebody", "192.0.2.1")
    throttle.take(limits)
    queue.connection().expire(limits[0].key, 100)
    throttle.take(limits)
    assert int(queue.connection().ttl(limits[0].key)) <= 100  # a later failure does not lengthen it
    for _ in range(18):
        throttle.take(limits)
    with pytest.raises(TooManyRequests):
        throttle.take(limits)
    assert queue.connection().get(limits[1].key) == b"20"  # what is refused takes no place anywhere
    queue.connection().pexpire(limits[0].key, 1)
    while queue.connection().exists(limits[0].key):
        pass
    check(limits)


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


def test_a_place_that_was_never_taken_is_not_given_back(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be somebody else's; and who waits for a queue that does not answer waits once."""
    asked = []

    def does_not_answer(*_arguments: object) -> None:
        asked.append(1)
        raise redis.TimeoutError

    monkeypatch.setattr(app.extensions["msidp_redis"], "eval", does_not_answer)
    with throttle.attempt(throttle.limits("ada", "192.0.2.1")):
        pass
    assert asked == [1]


def test_throttles_can_be_switched_off(app: Flask) -> None:
    app.extensions["msidp_settings"] = app.extensions["msidp_settings"].model_copy(
        update={"rate_limits": False}
    )
    for _ in range(25):
        assert post(app.test_client(), "/login", **WRONG).status_code == 401


@pytest.mark.parametrize("address", [None, "", "no address", "fe80::1%eth0"])
def test_odd_addresses(app: Flask, address: str | None) -> None:
    check(throttle.limits(None, address))


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
        with pytest.raises(TooManyRequests):
            for _ in range(101):
                throttle.take(mine)
        for other, theirs in limits.items():
            if list(limits).index(other) > list(limits).index(name):
                check(theirs)


def test_a_place_is_given_back_unless_the_attempt_fails(app: Flask) -> None:
    limits = throttle.limits("somebody", "192.0.2.1")
    with throttle.attempt(limits) as attempt:
        attempt.failed()
    check(limits)
    with pytest.raises(ZeroDivisionError), throttle.attempt(limits):
        raise ZeroDivisionError
    assert queue.connection().mget([limit.key for limit in limits]) == [b"1", b"1"]
    with throttle.attempt(limits):
        queue.connection().delete(*(limit.key for limit in limits))  # the window ends meanwhile
    assert queue.connection().exists(*(limit.key for limit in limits)) == 0


# What is sent at once gets no further than what is sent in a row.


def password_form(browser: Browser) -> tuple[Form, dict[str, str]]:
    return browser.get("/login?again").form("/login"), WRONG


def sign_up_form(browser: Browser) -> tuple[Form, dict[str, str]]:
    browser.session.cookies.clear()
    return browser.get("/signup").form(), WRONG


def present_password_form(browser: Browser) -> tuple[Form, dict[str, str]]:
    fields = {"current_password": "wrong password", "new_password": "another horse"}
    return browser.get("/account/password").form("/account/password"), fields


def second_factor_form(browser: Browser) -> tuple[Form, dict[str, str]]:
    add_app(browser)
    return browser.get("/login/verify").form("/verify"), {"code": "000000"}


def mailed_code_form(browser: Browser) -> tuple[Form, dict[str, str]]:
    page = browser.submit(browser.get("/login/mail").form(), email=ADA)
    return page.form("/login/code"), {"code": "x"}


def mail_form(browser: Browser) -> tuple[Form, dict[str, str]]:
    return browser.get("/forgot-password").form(), {"email": ADA}


@pytest.mark.parametrize(
    ("form_of", "limits_of", "done"),
    [
        (password_form, throttle.limits, 401),
        (sign_up_form, throttle.limits, 422),
        (present_password_form, throttle.limits, 401),
        (second_factor_form, throttle.code_limits, 401),
        (mailed_code_form, throttle.mailed_code_limits, 401),
        (mail_form, throttle.mail_limits, 200),
    ],
)
def test_a_burst(
    base_url: str,
    form_of: Callable[[Browser], tuple[Form, dict[str, str]]],
    limits_of: Callable[[str, str | None], list[throttle.Limit]],
    done: int,
) -> None:
    browser = Browser(base_url)
    sign_up(browser)
    form, fields = form_of(browser)
    member_id = member().id if limits_of is throttle.code_limits else f"{member().community_id} {ADA}"
    limit = limits_of(member_id, None)[0]
    queue.connection().set(limit.key, limit.failures - 3)
    cookies, data = browser.session.cookies.get_dict(), {**form.values, **fields}

    def send(_number: int) -> int:
        answer = requests.post(form.action, data, cookies=cookies, allow_redirects=False, timeout=30)
        return answer.status_code

    hashes = "password" in " ".join(fields)
    count = 16 if hashes else 20  # more than may wait for a hash would be told that many are signing in
    assert sorted(at_once(count, send)) == [done] * 3 + [429] * (count - 3)
