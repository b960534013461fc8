"""Fifty at once with one code, and with one refresh token: exactly one wins, on both databases."""

import threading
from collections import Counter
from collections.abc import Callable

from tests.oidc.conftest import Relying
from werkzeug.test import TestResponse

THREADS = 50


def at_once(action: Callable[[], TestResponse]) -> list[TestResponse]:
    """Run it in every thread, all let go at the same moment."""
    gate = threading.Barrier(THREADS)
    answers: list[TestResponse] = []

    def run() -> None:
        gate.wait()
        answers.append(action())

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def winner_of(answers: list[TestResponse]) -> dict:
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: THREADS - 1}
    assert {answer.json["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    return next(answer.json for answer in answers if answer.status_code == 200)


def test_one_code_buys_once(shop: Relying) -> None:
    code = shop.code(scope="openid offline_access")
    tokens = winner_of(at_once(lambda: shop.exchange(code)))
    assert shop.userinfo(tokens["access_token"]).status_code == 401  # the others' tries revoked it
    assert shop.refresh(tokens["refresh_token"]).status_code == 400


def test_one_refresh_token_buys_once(spa: Relying) -> None:
    token = spa.tokens(scope="openid offline_access")["refresh_token"]
    tokens = winner_of(at_once(lambda: spa.refresh(token)))
    assert spa.userinfo(tokens["access_token"]).status_code == 401
    assert spa.refresh(tokens["refresh_token"]).status_code == 400
