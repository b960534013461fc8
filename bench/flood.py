"""A flood of log-ins, and what the token endpoint notices of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench import table
from bench.load import Answer, Load, request
from bench.operations import EMAIL, REDIRECT_URI, VERIFIER, Site
from msidp.demo.browser import Browser

CLIENTS = 32
GOAL = 3.0  # times the quiet value
TURNED_AWAY = 503  # with Retry-After: no place left to wait for a hash


def report(site: Site, port: int, requests: int) -> None:
    """Measure and print it: the time of a code exchange, quiet and with 32 clients logging in."""
    print(table.title(f"code exchanges while {CLIENTS} clients log in without a pause"))
    print(table.columns("", "p50 ms", "p99 ms"))
    _exchanges(site, requests)  # warms up
    quiet = _exchanges(site, requests)
    print(table.columns("quiet", *_shown(quiet)))
    with _flood(site, port) as logged_in:
        flooded = _exchanges(site, requests)
    ratio = _percentile(flooded, 99) / _percentile(quiet, 99)
    verdict = "met" if ratio <= GOAL else "MISSED"
    print(
        table.columns("flooded", *_shown(flooded), note=f"p99 × {ratio:.1f} (goal ≤ {GOAL:.0f}): {verdict}")
    )
    served = sum(answer.status == 303 for answer in logged_in)
    print(f"meanwhile {served} were logged in, {len(logged_in) - served} told to come back later")


def _exchanges(site: Site, count: int) -> list[float]:
    """The seconds of each."""
    fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    asked = [
        request("POST", "/token", form={**site.client, **fields, "code": code}) for code in site.codes(count)
    ]
    answers = site.load.send(asked, connections=2)
    assert {answer.status for answer in answers} == {200}, answers[0]
    return [answer.seconds for answer in answers]


@contextmanager
def _flood(site: Site, port: int) -> Iterator[list[Answer]]:
    """32 clients log in again and again while the block runs; all their answers, once it is over."""
    browser = Browser()
    form = browser.open(f"{site.base_url}/login").form_with("password")
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)
    fields = {**form.values, "email": EMAIL, "password": site.password}
    log_in = request("POST", "/login", {"Cookie": cookie}, form=fields)
    answers: list[Answer] = []
    over, begun = threading.Event(), threading.Event()

    def rush() -> None:
        with Load(port) as load:
            while not over.is_set():
                answers.extend(load.send([log_in] * CLIENTS, connections=CLIENTS))
                begun.set()

    thread = threading.Thread(target=rush)
    thread.start()
    try:
        begun.wait(60)
        yield answers
    finally:
        over.set()
        thread.join()
    assert {answer.status for answer in answers} <= {303, TURNED_AWAY}, answers[0]


def _percentile(seconds: list[float], percent: int) -> float:
    return sorted(seconds)[min(len(seconds) * percent // 100, len(seconds) - 1)]


def _shown(seconds: list[float]) -> list[str]:
    return [f"{_percentile(seconds, percent) * 1000:.1f}" for percent in (50, 99)]
