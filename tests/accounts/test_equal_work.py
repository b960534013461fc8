"""Nobody learns from the work done whether an address has an account: hashes and statements are counted.

Counted many times over, in turns: the two distributions must be the same one. Wall time would say less, for
the machine's noise is larger than what an attacker averages out.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from tests.accounts.test_abuse import Work, essence, post, token
from tests.support.statements import statements

from msidp import db
from msidp.communities.guard import default_community_id
from msidp.vault import passwords

ROUNDS = 4
KNOWN = "ada@example.com"
PASSWORD = "correct horse"


class Effort:
    """What one request does: argon2's calls, and the statements in their order, without their values."""

    def __init__(self, hashes: Work, statements: list[str]) -> None:
        self.hashes = hashes
        self.statements = statements

    def of(self, action: Callable[[], object]) -> tuple[str, ...]:
        self.hashes.done.clear()
        self.statements.clear()
        action()
        return (*self.hashes.done, *self.statements)


@pytest.fixture
def effort(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Effort]:
    hashes = Work(passwords._argon2)
    monkeypatch.setattr(passwords, "_argon2", hashes)
    settings = app.extensions["msidp_settings"]
    app.extensions["msidp_settings"] = settings.model_copy(update={"rate_limits": False})
    default_community_id()  # read once, and kept
    with statements() as seen:
        yield Effort(hashes, seen)


def make_member(app: Flask) -> None:
    from msidp.members import service as members

    with db.transaction() as session:
        members.create_member(
            session, default_community_id(), email=KNOWN, password_hash=passwords.hash_password(PASSWORD)
        )


def compare(app: Flask, effort: Effort, path: str, **fields: str) -> tuple[Counter[Any], Counter[Any]]:
    """What the form costs for the known address, and for unknown ones; the answers must be the same too."""
    efforts: dict[bool, Counter[Any]] = {True: Counter(), False: Counter()}
    answers = set()
    for number in range(ROUNDS):
        for known in (True, False) if number % 2 else (False, True):
            email = KNOWN if known else f"eve{number}@example.com"
            client: FlaskClient = app.test_client()
            data = {"csrf_token": token(client, path), "email": email, **fields}
            seen: list[Any] = []
            efforts[known][effort.of(lambda: seen.append(client.post(path, data=data)))] += 1  # noqa: B023
            answers.add(str(essence(seen[0], email)))
    assert len(answers) == 1
    return efforts[True], efforts[False]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/login", {"password": "wrong password"}),
        ("/forgot-password", {}),
        ("/login/mail", {}),
    ],
)
def test_the_work_tells_nothing(app: Flask, effort: Effort, path: str, fields: dict[str, str]) -> None:
    make_member(app)
    known, unknown = compare(app, effort, path, **fields)
    assert known == unknown
    assert len(known) == 1
    [(work, _)] = known.items()
    assert work.count("verify") == (1 if path == "/login" else 0)


def test_nor_where_mails_are_sent(app: Flask, effort: Effort) -> None:
    settings = app.extensions["msidp_settings"]
    smtp_url = SecretStr("smtp://127.0.0.1:1")
    app.extensions["msidp_settings"] = settings.model_copy(update={"smtp_url": smtp_url})
    make_member(app)
    known, unknown = compare(app, effort, "/forgot-password")
    assert known == unknown
    assert len(known) == 1


def test_a_sign_up_with_proof_tells_nothing(app: Flask, effort: Effort) -> None:
    settings = app.extensions["msidp_settings"]
    app.extensions["msidp_settings"] = settings.model_copy(update={"sign_up_proof": True})
    make_member(app)
    known, unknown = compare(app, effort, "/signup", password="another good one")
    assert known == unknown
    [(work, _)] = known.items()
    assert (work.count("hash"), work.count("verify")) == (1, 0)


def test_a_sign_up_without_costs_one_hash(app: Flask, effort: Effort) -> None:
    """There the answer tells, and the work is what a log-in would cost."""
    make_member(app)
    for email, hashes in ((KNOWN, ["verify"]), ("eve@example.com", ["hash"])):
        client = app.test_client()
        data = {"csrf_token": token(client, "/signup"), "email": email, "password": "another good one"}
        work = effort.of(lambda: client.post("/signup", data=data))  # noqa: B023
        assert [step for step in work if step in ("hash", "verify")] == hashes


def test_a_wrong_mailed_code_tells_nothing(app: Flask, effort: Effort) -> None:
    make_member(app)
    efforts: dict[str, Counter[Any]] = {KNOWN: Counter(), "eve@example.com": Counter()}
    answers = set()
    for email in [*efforts, *reversed(efforts)] * (ROUNDS // 2):
        client = app.test_client()
        post(client, "/login/mail", email=email)
        data = {"csrf_token": token(client, "/login/code"), "code": "x"}
        seen: list[Any] = []
        efforts[email][effort.of(lambda: seen.append(client.post("/login/code", data=data)))] += 1  # noqa: B023
        answers.add(str(essence(seen[0], email)))
    assert len(answers) == 1
    known, unknown = efforts.values()
    assert known == unknown
    assert len(known) == 1


def test_a_new_address_tells_nothing(app: Flask, effort: Effort) -> None:
    """Nor does the page on which a member asks for another address say who has it."""
    make_member(app)
    client = app.test_client()
    post(client, "/signup", email="bob@example.com", password="another good one")
    form = {"csrf_token": token(client, "/account/email")}
    works, answers = set(), set()
    for number, email in enumerate((KNOWN, "eve@example.com", KNOWN, "mallory@example.com")):
        seen: list[Any] = []
        data = {**form, "email": email}
        work = effort.of(lambda: seen.append(client.post("/account/email", data=data)))  # noqa: B023
        if number:  # the first one reads what is kept from then on
            works.add(work)
        answers.add(str(essence(seen[0], email)))
    assert (len(works), len(answers)) == (1, 1)


def test_passkeys_are_asked_for_alike(app: Flask, effort: Effort) -> None:
    """The page does not say whether an address has any: whoever holds one says who they are."""
    settings = app.extensions["msidp_settings"]
    app.extensions["msidp_settings"] = settings.model_copy(update={"base_url": "http://localhost:8000"})
    make_member(app)
    works, answers = set(), set()
    app.test_client().get("/login")  # which reads what is kept from then on
    for email in (KNOWN, "eve@example.com"):
        client, seen = app.test_client(), list[Any]()
        works.add(effort.of(lambda: seen.append(client.get(f"/login?login_hint={email}"))))  # noqa: B023
        assert "allowCredentials" in seen[0].text
        by_nature = r'&#34;challenge&#34;: &#34;[^&]+&#34;|name="(state|csrf_token)" value="[^"]+"'
        by_nature += f"|{re.escape(email)}|{re.escape(quote(email))}"
        answers.add(re.sub(by_nature, "", seen[0].text))
    assert (len(works), len(answers)) == (1, 1), answers
