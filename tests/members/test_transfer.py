"""Members in files: the readers, and what becomes of the records."""

import json
from typing import Any

import bcrypt
import pytest
from flask import Flask
from sqlalchemy import delete, select
from tests.accounts.factors.support import log_in
from tests.support.forms import Browser

from msidp import db
from msidp.members import readers, transfer
from msidp.members.models import Member
from msidp.webhooks.models import Event

BCRYPT = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()


def read(source: str, text: str, **options: Any) -> list[transfer.Record]:
    return [record for _, record in readers.read(source, text, options)]


def members() -> list[Member]:
    with db.reading() as session:
        return list(session.scalars(select(Member).order_by(Member.seq)))


def add(community_id: str, *records: transfer.Record) -> list[bool | str]:
    done: list[bool | str] = []
    with db.transaction() as session:
        for record in records:
            try:
                done.append(transfer.add(session, community_id, record))
            except transfer.Refused as refused:
                done.append(str(refused))
    return done


def test_records_become_members_with_events(app: Flask, community_id: str) -> None:
    good = {"email": "ada@example.com", "profile": {"name": "Ada"}, "passwordHash": BCRYPT}
    refused = [
        {},
        {"email": "no address"},
        {"email": "a@example.com", "passwordHash": "md5$x"},
        {"email": "b@example.com", "plans": [{"planId": "pln_none"}]},  # refused when half of it is done
        {"email": "c@example.com", "surprise": 1},
        {"email": "d\0@example.com"},
    ]
    done = add(community_id, good, *refused, {"email": "ADA@example.com"}, {"email": "bob@example.com"})
    assert done[0] is True
    assert all(isinstance(each, str) for each in done[1:7]), done
    assert done[7:] == [False, True]
    assert [member.email for member in members()] == ["ada@example.com", "bob@example.com"]
    with db.reading() as session:
        assert session.scalars(select(Event.type)).all() == ["member.created"] * 2


@pytest.mark.database("sqlite")
def test_a_foreign_hash_is_made_anew_at_the_first_log_in(community_id: str, base_url: str) -> None:
    short = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()  # shorter than a new password may be
    add(community_id, {"email": "ada@example.com", "passwordHash": short})
    browser = Browser(base_url)
    form = browser.get("/login").form("/login")
    assert browser.submit(form, email="ada@example.com", password="Secret").status == 401
    form = browser.get("/login").form("/login")
    assert browser.submit(form, email="ada@example.com", password="secret").path == "/account"
    [member] = members()
    assert member.password_hash is not None
    assert member.password_hash.startswith("$argon2id$")
    assert log_in(Browser(base_url)).status == 401  # by another password
    page = Browser(base_url)
    assert (
        page.submit(page.get("/login").form("/login"), email="ada@example.com", password="secret").status
        == 200
    )


def test_what_is_written_can_be_read(app: Flask, community_id: str) -> None:
    record = {
        "email": "ada@example.com", "verified": True, "role": "editor", "profile": {"name": "Ada \u2028"},
        "customFields": {"a": 1}, "metaData": {"b": [True]}, "json": {"c": None}, "loginRedirect": "/x",
        "plans": [], "passwordHash": BCRYPT,
    }  # fmt: skip
    assert add(community_id, record) == [True]
    with db.reading() as session:
        written = transfer.record(session.scalars(select(Member)).one(), hashes=True)
    assert {name: written[name] for name in record} == record
    with db.transaction() as session:
        session.execute(delete(Member))
    assert add(community_id, written) == [True]
    written = record
    assert read("msidp", json.dumps(written) + "\n" + json.dumps(written)) == [record, record]


def test_auth0() -> None:
    user = {"user_id": "auth0|1", "email": "ada@example.com", "email_verified": True, "nickname": "ada"}
    [record] = read("auth0", json.dumps({**user, "passwordHash": BCRYPT, "user_metadata": {"plan": "gold"}}))
    assert record == {
        "email": "ada@example.com",
        "verified": True,
        "profile": {"nickname": "ada"},
        "metaData": {"auth0Id": "auth0|1"},
        "customFields": {"plan": "gold"},
        "passwordHash": BCRYPT,
    }


def test_firebase() -> None:
    user = {
        "localId": "u1", "email": "ada@example.com", "emailVerified": False, "displayName": "Ada",
        "passwordHash": "lSrf-15_", "salt": "42xEC-ix",
    }  # fmt: skip
    parameters = {"rounds": 8, "mem_cost": 14, "base64_salt_separator": "Bw==", "base64_signer_key": "jxsp"}
    [record] = read("firebase", json.dumps({"users": [user]}), **parameters)
    assert record["passwordHash"] == "firebase-scrypt$8$14$Bw==$jxsp$42xEC+ix$lSrf+15/"
    assert record["profile"] == {"name": "Ada"}
    with pytest.raises(ValueError, match="hash parameters"):
        read("firebase", json.dumps({"users": [user]}))


def test_django() -> None:
    known = {"email": "ada@example.com", "first_name": "Ada", "last_name": "L", "username": "ada"}
    rows = [
        {"model": "auth.user", "fields": {**known, "password": "argon2$argon2id$v=19$x"}},
        {"model": "auth.user", "fields": {"email": "bob@example.com", "password": "!none"}},
    ]
    ada, bob = read("django", json.dumps(rows))
    assert ada["passwordHash"] == "$argon2id$v=19$x"
    assert ada["profile"] == {
        "name": "Ada L", "given_name": "Ada", "family_name": "L", "preferred_username": "ada",
    }  # fmt: skip
    assert bob["passwordHash"] is None


def test_memberstack() -> None:
    head = '"Member ID","Email","Created At","first-name"'
    text = f'{head}\r\n"mem_1","ada@example.com","2024-01-01","Ada, ""L"""\r\n'
    assert read("memberstack", text) == [
        {
            "email": "ada@example.com",
            "customFields": {"first-name": 'Ada, "L"'},
            "metaData": {"memberstackId": "mem_1"},
        }
    ]


@pytest.mark.parametrize("text", ["nonsense", "[1]", "3", '{"users": 3}', '{"a": 1}\n[2]'])
def test_what_is_no_list_of_members(text: str) -> None:
    for source in ("msidp", "auth0", "firebase", "django"):
        with pytest.raises(ValueError):
            read(source, text)
