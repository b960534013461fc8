"""Pairwise subjects: the same to one sector, something else to every other, and nowhere the member's id."""

import json

import pytest
from flask.testing import FlaskClient
from tests.oidc.conftest import Relying, access_claims, basic, id_claims, log_in, register, sent_to
from tests.support.receiver import Answer, Receiver

from msidp.members.models import Member

pytestmark = pytest.mark.database("sqlite")

OFFLINE = "openid offline_access"
PAIRWISE = {"subjectType": "pairwise"}


@pytest.fixture
def browser(browser: FlaskClient, member: Member) -> FlaskClient:
    log_in(browser, member)
    return browser


def subject_for(one: Relying) -> str:
    return id_claims(one.tokens()["id_token"])["sub"]


@pytest.mark.database("sqlite", "postgresql")
def test_every_token_and_answer_says_the_same(
    admin: FlaskClient, browser: FlaskClient, member: Member
) -> None:
    one = register(admin, browser, **PAIRWISE)
    first = one.tokens(scope=OFFLINE)
    second = one.refresh(first["refresh_token"]).json
    headers = {"Authorization": basic(one.client_id, one.secret or "")}
    subjects = {
        id_claims(first["id_token"])["sub"],
        id_claims(second["id_token"])["sub"],
        access_claims(second["access_token"])["sub"],
        one.userinfo(second["access_token"]).json["sub"],
        *(
            one.backend.post("/introspect", data={"token": second[kind]}, headers=headers).json["sub"]
            for kind in ("access_token", "refresh_token")
        ),
    }
    assert len(subjects) == 1
    assert member.id not in json.dumps([access_claims(second["access_token"]), id_claims(first["id_token"])])


def test_sectors_cannot_compare(admin: FlaskClient, browser: FlaskClient, member: Member) -> None:
    here = register(admin, browser, **PAIRWISE)
    also_here = register(admin, browser, redirectUris=["https://shop.example/other"], **PAIRWISE)
    there = register(admin, browser, redirectUris=["https://market.example/cb"], **PAIRWISE)
    public = register(admin, browser)
    assert subject_for(here) == subject_for(also_here) == subject_for(here)
    assert len({subject_for(here), subject_for(there), subject_for(public)}) == 3
    assert subject_for(public) == member.id


def test_sectors_cannot_compare_sessions_either(admin: FlaskClient, browser: FlaskClient) -> None:
    """One `sid` for all would say that the member here is the member there."""

    def sid_for(one: Relying) -> str:
        return id_claims(one.tokens()["id_token"])["sid"]

    here = register(admin, browser, **PAIRWISE)
    also_here = register(admin, browser, redirectUris=["https://shop.example/other"], **PAIRWISE)
    there = register(admin, browser, redirectUris=["https://market.example/cb"], **PAIRWISE)
    public = register(admin, browser)
    assert sid_for(here) == sid_for(also_here) == sid_for(here)
    assert len({sid_for(here), sid_for(there), sid_for(public)}) == 3


def test_it_outlives_the_process(admin: FlaskClient, browser: FlaskClient) -> None:
    one = register(admin, browser, **PAIRWISE)
    before = subject_for(one)
    browser.application.extensions.pop("msidp_pairwise_salt")
    assert subject_for(one) == before


def test_hints_are_understood(admin: FlaskClient, browser: FlaskClient, community_id: str) -> None:
    one = register(admin, browser, postLogoutRedirectUris=["https://shop.example/bye"], **PAIRWISE)
    hint = one.tokens()["id_token"]
    assert "code" in sent_to(one.authorize(prompt="none", id_token_hint=hint), one.redirect_uri)
    claims = json.dumps({"id_token": {"sub": {"value": id_claims(hint)["sub"]}}})
    assert "code" in sent_to(one.authorize(prompt="none", claims=claims), one.redirect_uri)
    query = {"id_token_hint": hint, "post_logout_redirect_uri": "https://shop.example/bye"}
    answer = browser.get("/end-session", query_string=query)
    assert answer.headers["Location"] == "https://shop.example/bye"  # nobody had to be asked


def test_an_app_names_no_hosts_sector(admin: FlaskClient) -> None:
    """Its scheme leads to the app: it would be called what the shop's applications call a member."""
    body = {"redirectUris": ["com.example.app://shop.example/cb"], **PAIRWISE}
    answer = admin.post("/applications", json={"name": "App", "type": "native", **body})
    assert (answer.status_code, answer.json["details"][0]["field"]) == (422, "sectorIdentifierUri")


def test_a_sector_across_hosts_is_vouched_for(
    admin: FlaskClient, browser: FlaskClient, receiver: Receiver
) -> None:
    uris = ["https://a.example/cb", "https://b.example/cb"]
    body = {"redirectUris": uris, "sectorIdentifierUri": receiver.url("/sector"), **PAIRWISE}
    receiver.script("/sector", Answer(body=json.dumps(uris).encode()))
    one = register(admin, browser, **body)
    other = register(admin, browser, **(body | {"redirectUris": uris[:1]}))
    assert subject_for(one) == subject_for(other)
    path = f"/applications/{one.id}"
    for changes in ({"redirectUris": ["https://c.example/cb"]}, {"sectorIdentifierUri": "https://10.0.0.1/"}):
        answer = admin.patch(path, json=changes)
        assert (answer.status_code, answer.json["details"][0]["field"]) == (422, "sectorIdentifierUri")
    for published in (b"{}", b'["https://a.example/cb"]', b"x"):
        receiver.script("/sector", Answer(body=published))
        answer = admin.post("/applications", json={"name": "Shop", "type": "web", **body})
        assert (answer.status_code, answer.json["details"][0]["field"]) == (422, "sectorIdentifierUri")
    assert admin.patch(path, json={"name": "Store"}).status_code == 200  # asks nobody
