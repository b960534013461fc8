"""Files of members: tried as a job, then imported by another."""

import html
import io
import json
import re
from collections.abc import Callable
from typing import Any, get_args

import click
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from tests.bulk.support import counts, events, make, shown
from tests.dashboard.conftest import submit

from msidp import clock, db
from msidp.cli.members import import_members
from msidp.communities.roles import Role
from msidp.dashboard import imports
from msidp.jobs import service, slices
from msidp.jobs.models import JobPart
from msidp.members import readers


def upload(client: FlaskClient, content: bytes, source: str = "csv", **fields: str) -> Any:
    page = "/dashboard/members/import"
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert found
    data = {
        "csrf_token": found.group(1),
        "source": source,
        "file": (io.BytesIO(content), "members"),
        **fields,
    }
    return client.post(page, data=data, content_type="multipart/form-data")


def test_a_file_is_tried_and_then_imported(
    sign_in: Callable[[Role], FlaskClient],
    admin: FlaskClient,
) -> None:
    owner = sign_in("owner")
    make(admin, 1)
    table = (
        "\ufeffEmail,Name,verified,Favourite,profile\r\n"
        'ann@example.com,\'=Ann,yes,"a\r\nb",\r\n'  # two lines of the file
        "m0@example.com,,,,\r\n"
        "nonsense,,,,\r\n"
        "bob@example.com,Bob,,,{broken\r\n"
        "cleo@example.com,Cleo,TRUE,,\r\n"
    )
    answer = upload(owner, table.encode())
    assert answer.status_code == 303, answer.text
    page = answer.headers["Location"]
    trial = page.rpartition("/")[2]
    assert "every 1s" in owner.get(page).text
    assert submit(owner, page, f"/dashboard/jobs/{trial}/import").status_code == 409  # not tried yet
    slices.advance(60)
    assert counts(admin, trial) == ("completed", 2, 1, 2)
    assert [each["subject"] for each in shown(admin, trial)["problems"]] == ["5", "6"]
    assert admin.get("/members").json["totalCount"] == 1
    assert "Import 2 members" in owner.get(page).text
    begun = submit(owner, page, f"/dashboard/jobs/{trial}/import").headers["Location"].rpartition("/")[2]
    assert submit(owner, page, f"/dashboard/jobs/{trial}/import").status_code == 409
    slices.advance(60)
    assert counts(admin, begun) == ("completed", 2, 1, 2)
    _, ann, cleo = admin.get("/members").json["data"]
    assert (ann["profile"], ann["verified"], ann["customFields"]) == (
        {"name": "=Ann"},
        True,
        {"Favourite": "a\r\nb"},
    )
    assert cleo["verified"] is True
    with db.reading() as session:
        assert session.scalars(select(JobPart)).all() == []
    assert events("member.created") == 3


def test_an_import_that_takes_days_loses_nothing_and_counts_as_it_was_tried(
    sign_in: Callable[[Role], FlaskClient],
    admin: FlaskClient,
) -> None:
    owner = sign_in("owner")
    addresses = ["a@example.com", "b@example.com", " A@example.com", "c@example.com", "C@EXAMPLE.com"]
    page = upload(owner, "\n".join(["email", *addresses]).encode()).headers["Location"]
    slices.advance(60)
    trial = page.rpartition("/")[2]
    assert counts(admin, trial) == ("completed", 3, 2, 0)
    begun = submit(owner, page, f"/dashboard/jobs/{trial}/import").headers["Location"].rpartition("/")[2]
    with db.transaction() as session:
        service.WORK.do(session)
    with db.transaction() as session:
        service.purge(session, clock.now() + 2 * clock.DAY)
    slices.advance(60)
    assert counts(admin, begun) == ("completed", 3, 2, 0)


def test_an_export_can_be_imported(
    sign_in: Callable[[Role], FlaskClient],
    admin: FlaskClient,
    owner_admin: FlaskClient,
) -> None:
    owner = sign_in("owner")
    body = {
        "email": "ann@example.com",
        "profile": {"name": "-Ann"},
        "json": {"a": [1, None]},
        "role": "mentor",
    }
    admin.post("/members", json={**body, "customFields": {"x": 1}, "password": "correct horse"})
    before = admin.get("/members?includeJSON=true").json["data"][0]
    for form, source in (("csv", "csv"), ("jsonl", "msidp")):
        file = owner_admin.get(f"/members/export?format={form}&passwordHashes=true").data
        admin.delete(f"/members/{admin.get('/members').json['data'][0]['id']}")
        page = upload(owner, file, source).headers["Location"]
        slices.advance(60)
        submit(owner, page, page + "/import")
        slices.advance(60)
        after = admin.get("/members?includeJSON=true").json["data"][0]
        same = ("auth", "profile", "json", "role", "customFields", "metaData", "verified")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}, form


def test_every_kind_of_file_is_offered_everywhere() -> None:
    sources = set(get_args(readers.Source))
    assert sources == readers.READERS.keys() == imports.SOURCES.keys()
    (offered,) = (each.type for each in import_members.params if each.name == "source")
    assert isinstance(offered, click.Choice)
    assert sources == set(offered.choices)


HOSTILE: list[tuple[bytes, str, str]] = [
    (b"", "csv", "Choose a file"),
    (b"\xff\xfee\0m\0", "csv", "UTF-16"),
    (b"email\nann\xe9@example.com", "csv", "line 2 is not UTF-8"),
    (b"email\nann\0@example.com", "csv", "no text"),
    (b"\x89PNG\r\n\x1a\n", "csv", "line 1 is not UTF-8"),
    (b"name\nann", "csv", "no column email"),
    (b'email\n"ann', "csv", "is no CSV"),
    (b"email\n" + b"a" * 200_000, "csv", "is no CSV"),
    (b"email\n", "csv", "holds no members"),
    (b"[1]", "msidp", "no list of members"),
    (b'{"email": "a@b.de"}\n{"email"', "msidp", "line 2 is not JSON"),
    (b"[" * 100_000, "auth0", "cannot be used"),
    (b'{"users": [{"passwordHash": "a", "salt": "b"}]}', "firebase", "lack"),
    (b"a", "elsewhere", "Choose where"),
]


@pytest.mark.database("sqlite")
def test_a_file_that_cannot_be_used_is_refused_whole(
    sign_in: Callable[[Role], FlaskClient],
    admin: FlaskClient,
) -> None:
    client = sign_in("admin")
    for content, source, words in HOSTILE:
        answer = upload(client, content, source)
        assert answer.status_code in (413, 422), (content[:20], answer.status_code)
        assert words in html.unescape(answer.text), (content[:20], words)
    large = client.post(
        "/dashboard/members/import", data=b"x" * 11_000_000, content_type="multipart/form-data"
    )
    assert (large.status_code, "10,000,000 bytes" in large.text) == (413, True)
    assert admin.get("/jobs").json["data"] == []


def test_records_that_no_database_holds_are_told_of(
    sign_in: Callable[[Role], FlaskClient],
    admin: FlaskClient,
) -> None:
    lines = [
        '{"email": "a\\u0000@b.de"}',
        '{"email": "a@b.de", "json": "\\ud800"}',
        '{"email": 5}',
        '{"x": 1}',
    ]
    lines += ['{"email": "' + "a" * 5000 + '@b.de"}', json.dumps({"email": "ok@example.com", "plans": 7})]
    page = upload(sign_in("admin"), "\n".join(lines).encode(), "msidp")
    assert page.status_code in (303, 422)
    if page.status_code == 303:
        slices.advance(60)
        job_id = page.headers["Location"].rpartition("/")[2]
        assert counts(admin, job_id) == ("completed", 0, 0, 6)


def test_a_trial_whose_file_is_gone_says_so(
    sign_in: Callable[[Role], FlaskClient],
    admin: FlaskClient,
) -> None:
    owner = sign_in("owner")
    page = upload(owner, b"email\nnew@example.com\n").headers["Location"]
    slices.advance(60)
    assert "Import 1 member" in owner.get(page).text
    with db.transaction() as session:
        assert service.purge(session, clock.now() + 2 * clock.DAY) == 1
    assert "Import 1 member" not in owner.get(page).text
    assert "Upload it again" in owner.get(page).text
    late = submit(owner, page, f"{page}/import")
    assert late.status_code == 409
    assert "The file is no longer kept. Upload it again." in late.text
    assert 'aria-label="Dashboard"' in late.text
