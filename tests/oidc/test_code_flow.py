"""The code flow, start to end: what comes back at each step."""

import base64
import hashlib
import json

from flask.testing import FlaskClient
from joserfc import jws
from tests.oidc.conftest import PROFILE, Relying, access_claims, id_claims, register, sent_to

from msidp import clock
from msidp.keys.keyring import keyring
from msidp.members.models import Member


def test_the_response_carries_code_state_and_issuer(shop: Relying) -> None:
    sent = sent_to(shop.authorize(), shop.redirect_uri)
    assert set(sent) == {"code", "state", "iss"}
    assert sent["state"] == "s t&=#/ü"
    assert sent["iss"] == keyring().issuer


def test_without_state_there_is_none(shop: Relying) -> None:
    assert set(sent_to(shop.authorize(state=None), shop.redirect_uri)) == {"code", "iss"}


def test_the_token_answer(shop: Relying) -> None:
    answer = shop.exchange(shop.code())
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 3600
    assert answer.json["scope"] == "openid profile email"
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope", "id_token"}


def test_the_id_token(shop: Relying, member: Member) -> None:
    before = clock.seconds(clock.now())
    tokens = shop.tokens()
    header = jws.extract_compact(tokens["id_token"].encode()).headers()
    assert header == {"typ": "JWT", "alg": "RS256", "kid": keyring().jwks()["keys"][0]["kid"]}
    claims = id_claims(tokens["id_token"])
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert claims.pop("sid").startswith("ses_")
    assert before - 60 <= claims.pop("auth_time") <= before
    assert claims["exp"] - claims["iat"] == 3600
    assert before <= claims.pop("iat") <= before + 60
    del claims["exp"]
    assert claims == {
        "iss": keyring().issuer,
        "sub": member.id,
        "aud": shop.client_id,
        "acr": "urn:msidp:acr:1fa",
        "amr": ["pwd"],
        "nonce": "n-1",
    }


def test_without_nonce_there_is_none(shop: Relying) -> None:
    assert "nonce" not in id_claims(shop.tokens(nonce=None)["id_token"])


def test_the_access_token(shop: Relying, member: Member) -> None:
    token = shop.tokens()["access_token"]
    assert jws.extract_compact(token.encode()).headers()["typ"] == "at+jwt"
    claims = access_claims(token)
    assert claims["sub"] == member.id
    assert claims["aud"] == [keyring().issuer, shop.client_id]
    assert claims["client_id"] == shop.client_id
    assert claims["scope"] == "openid profile email"
    assert claims["exp"] - claims["iat"] == 3600
    assert {"iss", "jti", "auth_time", "amr", "gid"} < set(claims)


def test_every_access_token_has_its_own_id(shop: Relying) -> None:
    assert len({access_claims(shop.tokens()["access_token"])["jti"] for _ in range(3)}) == 3


def test_a_public_application_exchanges_without_secret(spa: Relying) -> None:
    assert spa.exchange(spa.code()).status_code == 200


def test_the_secret_may_be_in_the_body(shop: Relying) -> None:
    answer = shop.exchange(shop.code(), auth=False, client_id=shop.client_id, client_secret=shop.secret)
    assert answer.status_code == 200


def test_a_web_application_may_do_without_pkce(shop: Relying) -> None:
    code = shop.code(code_challenge=None, code_challenge_method=None)
    assert shop.exchange(code, code_verifier=None).status_code == 200


def test_a_post_goes_on_by_a_redirect(shop: Relying) -> None:
    answer = shop.browser.post("/authorize", data=shop.parameters())
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/authorize/continue?request=")
    assert "code" in sent_to(shop.browser.get(answer.headers["Location"]), shop.redirect_uri)


def test_parameters_that_are_not_ours_are_passed_over(shop: Relying) -> None:
    extra = {
        "display": "popup",
        "ui_locales": "de",
        "claims_locales": "de",
        "acr_values": "1",
        "x": "y",
        "max_age": "",
    }
    assert shop.code(**extra)


def test_unknown_scopes_are_left_out(shop: Relying) -> None:
    assert shop.tokens(scope="openid admin profile profile")["scope"] == "openid profile"


def test_the_redirect_uri_keeps_its_own_query(
    admin: FlaskClient, browser: FlaskClient, shop: Relying
) -> None:
    other = register(admin, browser, redirectUris=["https://shop.example/cb?tenant=7"])
    sent = sent_to(other.authorize(), other.redirect_uri)
    assert set(sent) == {"tenant", "code", "state", "iss"}


def test_userinfo_by_get_and_post(shop: Relying, member: Member) -> None:
    tokens = shop.tokens(scope="openid profile email address phone")
    token = tokens["access_token"]
    expected = {
        "sub": member.id,
        "email": "ada@example.com",
        "email_verified": True,
        "updated_at": clock.seconds(member.updated_at),
        **{name: PROFILE[name] for name in ("name", "given_name", "locale", "address", "phone_number")},
        "phone_number_verified": False,
    }
    by_get = shop.userinfo(token)
    assert by_get.json == expected
    assert by_get.headers["Cache-Control"] == "no-store"
    header = {"Authorization": f"bearer {token}"}
    assert shop.backend.post("/userinfo", headers=header).json == expected
    assert shop.backend.post("/userinfo", data={"access_token": token}).json == expected
    assert id_claims(tokens["id_token"])["sub"] == expected["sub"]


def test_scopes_open_their_claims_and_no_others(shop: Relying) -> None:
    opened = {}
    for scope in ("", "profile", "email", "address", "phone"):
        token = shop.tokens(scope=f"openid {scope}")["access_token"]
        opened[scope] = set(shop.userinfo(token).json) - {"sub"}
    assert opened == {
        "": set(),
        "profile": {"name", "given_name", "locale", "updated_at"},
        "email": {"email", "email_verified"},
        "address": {"address"},
        "phone": {"phone_number", "phone_number_verified"},
    }


def test_the_id_token_holds_no_claims_of_the_profile(shop: Relying) -> None:
    assert not {"name", "email", "address"} & set(id_claims(shop.tokens()["id_token"]))


def test_the_claims_parameter(shop: Relying, member: Member) -> None:
    asked = {
        "userinfo": {"name": {"essential": True}, "iss": None},
        "id_token": {"email": None, "sub": None, "aud": None},
    }
    tokens = shop.tokens(scope="openid", claims=json.dumps(asked))
    assert shop.userinfo(tokens["access_token"]).json == {"sub": member.id, "name": PROFILE["name"]}
    claims = id_claims(tokens["id_token"])
    assert claims["email"] == "ada@example.com"
    assert claims["aud"] == shop.client_id


def test_the_claims_parameter_opens_no_more_than_the_application_s_scopes(
    admin: FlaskClient, shop: Relying, member: Member
) -> None:
    narrow = register(admin, shop.browser, scopes=["openid", "email"])
    names = ("name", "phone_number", "address", "email")
    asked = {place: dict.fromkeys(names) for place in ("userinfo", "id_token")}
    tokens = narrow.tokens(scope="openid", claims=json.dumps(asked))
    assert narrow.userinfo(tokens["access_token"]).json == {"sub": member.id, "email": "ada@example.com"}
    assert set(names) & set(id_claims(tokens["id_token"])) == {"email"}


def test_discovery_and_what_it_names(shop: Relying) -> None:
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        answer = shop.backend.get(path)
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
    metadata = answer.json
    assert metadata["issuer"] == keyring().issuer
    for name, value in metadata.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert value.startswith(f"{keyring().issuer}/")
            status = shop.backend.get(value.removeprefix(keyring().issuer)).status_code
            assert status in (200, 400, 401, 405), name
    again = shop.backend.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_every_claim_that_discovery_names_is_told(admin: FlaskClient, shop: Relying, member: Member) -> None:
    names = ("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "gender")
    profile = {
        **dict.fromkeys(names, "Ada"),
        **dict.fromkeys(("profile", "picture", "website"), "https://ada.example/"),
        "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London",
        "locale": "en",
        "phone_number": "+442012345678",
        "address": {"locality": "London"},
    }
    answer = admin.patch(f"/members/{member.id}", json={"profile": profile})
    assert answer.status_code == 200, answer.json
    tokens = shop.tokens(scope="openid profile email address phone")
    told = set(shop.userinfo(tokens["access_token"]).json)
    named = set(shop.backend.get("/.well-known/openid-configuration").json["claims_supported"])
    assert told <= named <= told | set(id_claims(tokens["id_token"]))


def test_the_host_header_does_not_matter(shop: Relying) -> None:
    answer = shop.backend.get("/.well-known/openid-configuration", headers={"Host": "evil.example"})
    assert "evil" not in answer.text
    sent = sent_to(
        shop.browser.get("/authorize", query_string=shop.parameters(), headers={"Host": "localhost"}),
        shop.redirect_uri,
    )
    assert sent["iss"] == keyring().issuer
