"""verify_token against a scripted provider: which tokens hold, and when the keys are fetched."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms
from tests.support.scripted import Asked, Reply, ScriptedServer

from msidp.admin import AdminClient, InvalidToken, Unreachable, tokens

DISCOVERY = "/.well-known/openid-configuration"
MEMBERSTACK = "https://api.memberstack.com"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
MAKE: dict[str, Any] = {
    "RS256": lambda: RSA,
    "PS256": lambda: RSA,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": lambda: ed25519.Ed25519PrivateKey.generate(),
}


@dataclass
class Provider:
    """Publishes keys over real HTTP and signs with them."""

    server: ScriptedServer
    keys: dict[str, Any] = field(default_factory=dict)
    jwks: list[Any] = field(default_factory=list)
    discovery: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.discovery |= {"issuer": self.server.url, "jwks_uri": f"{self.server.url}/jwks"}
        self.server.answer = self._answer

    def _answer(self, asked: Asked) -> Reply:
        assert "x-api-key" not in asked.headers  # the provider's documents are public
        if asked.path == DISCOVERY:
            return Reply(self.discovery)
        return Reply({"keys": self.jwks})

    def add_key(self, kid: str, algorithm: str = "RS256", **fields: Any) -> None:
        key = MAKE[algorithm]()
        public = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
        self.keys[kid] = key
        self.jwks.append({**public, "kid": kid, "alg": algorithm, "use": "sig", **fields})

    def token(self, kid: str = "one", algorithm: str = "RS256", typ: str | None = None, **claims: Any) -> str:
        now = int(time.time())
        payload = {
            "iss": self.server.url,
            "sub": "mem_1",
            "aud": "client",
            "iat": now,
            "exp": now + 60,
        } | claims
        payload = {name: value for name, value in payload.items() if value is not None}
        headers = {"kid": kid} | ({"typ": typ} if typ else {})
        return jwt.encode(payload, self.keys[kid], algorithm, headers)


@pytest.fixture
def provider(server: ScriptedServer) -> Provider:
    made = Provider(server)
    made.add_key("one")
    return made


@pytest.fixture
def sdk(provider: Provider) -> AdminClient:
    return AdminClient("sk_secret", provider.server.url, timeout=5)


def reason(client: AdminClient, token: Any, **options: Any) -> str:
    with pytest.raises(InvalidToken) as caught:
        client.verify_token(token, **options)
    return caught.value.reason


def test_an_id_token(provider: Provider, sdk: AdminClient) -> None:
    claims = sdk.verify_token(provider.token(nonce="n", azp="client", name="Jörg"), audience="client")
    assert (claims.kind, claims.subject, claims.member_id) == ("id", "mem_1", "mem_1")
    assert (claims.issuer, claims.audience, claims.client_id) == (provider.server.url, ("client",), "client")
    assert (claims["nonce"], claims["sub"], claims.raw["name"]) == ("n", claims.subject, "Jörg")
    assert 50 < claims.expires_at.timestamp() - time.time() <= 60
    assert claims.issued_at is not None


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_an_access_token(provider: Provider, sdk: AdminClient, typ: str) -> None:
    token = provider.token(typ=typ, scope="openid email", client_id="app", aud=["a", "b"])
    claims = sdk.verify_token(token, audience="b")
    assert (claims.kind, claims.client_id, claims.scope) == ("access", "app", {"openid", "email"})
    assert claims.audience == ("a", "b")


def test_an_application_s_own_token_is_no_member(provider: Provider, sdk: AdminClient) -> None:
    assert sdk.verify_token(provider.token(typ="at+jwt", sub="app_1")).member_id is None


def test_a_member_session_token(provider: Provider) -> None:
    token = provider.token(iss=MEMBERSTACK, id="mem_1", type="member", aud="app_1")
    told = AdminClient(None, provider.server.url, member_token_issuer=MEMBERSTACK)
    assert told.verify_token(token, audience="app_1").kind == "session"
    assert reason(AdminClient(None, provider.server.url), token) == "issuer"
    assert reason(told, provider.token(iss=MEMBERSTACK)) == "issuer"  # no member session token


@pytest.mark.parametrize("algorithm", list(MAKE))
def test_every_algorithm(provider: Provider, sdk: AdminClient, algorithm: str) -> None:
    provider.add_key("other", algorithm)
    assert sdk.verify_token(provider.token("other", algorithm)).subject == "mem_1"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "claims"),
        ({"exp": "soon"}, "malformed"),
        ({"nbf": time.time() + 86_400}, "not_yet_valid"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": None}, "claims"),
        ({"aud": "other"}, "audience"),
        ({"aud": None}, "claims"),
        ({"aud": [1, "client"]}, "audience"),
        ({"sub": None}, "claims"),
        ({"sub": 1}, "claims"),
        ({"iat": "now"}, "claims"),
        ({"iat": 1e300}, "claims"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "type"),
    ],
)
def test_claims_that_do_not_hold(
    provider: Provider, sdk: AdminClient, claims: dict[str, Any], expected: str
) -> None:
    assert reason(sdk, provider.token(**claims), audience="client") == expected


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "dpop+jwt", "secevent+jwt"])
def test_other_kinds_of_token(provider: Provider, sdk: AdminClient, typ: str) -> None:
    assert reason(sdk, provider.token(typ=typ)) == "type"


def test_leeway(provider: Provider) -> None:
    token = provider.token(exp=int(time.time()) - 5)
    assert reason(AdminClient(None, provider.server.url), token) == "expired"
    assert AdminClient(None, provider.server.url, leeway=30).verify_token(token)


def test_a_clock_that_is_behind_the_provider_s(provider: Provider, sdk: AdminClient) -> None:
    assert sdk.verify_token(provider.token(iat=int(time.time()) + 3))


def unsigned(header: Any, claims: Any, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_forged_algorithms(provider: Provider, sdk: AdminClient) -> None:
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for name in ("none", "None", "HS256", "HS512", "RS512", "ES256K", None, ["RS256"], {}):
        assert reason(sdk, unsigned({"alg": name, "kid": "one"}, claims, public)) == "algorithm"
    assert reason(sdk, unsigned({"kid": "one"}, claims)) == "algorithm"
    for name in ("RS256", "PS256", "ES256", "EdDSA"):
        forged = unsigned({"alg": name, "kid": "one"}, claims, bytes(256))
        assert reason(sdk, forged) in ("algorithm", "signature")
    assert reason(sdk, unsigned({"alg": "RS256"}, claims)) == "unknown_key"


def test_a_token_cannot_bring_its_own_key(provider: Provider, sdk: AdminClient) -> None:
    mine = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    embedded = get_default_algorithms()["RS256"].to_jwk(mine.public_key(), as_dict=True)
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    headers = {
        "kid": "one",
        "jwk": embedded,
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example",
    }
    assert reason(sdk, jwt.encode(claims, mine, "RS256", headers)) == "signature"
    assert reason(sdk, jwt.encode(claims, RSA, "RS256", {"kid": "one", "crit": ["x"], "x": 1})) == "malformed"
    assert reason(sdk, jwt.encode(claims, RSA, "PS256", {"kid": "one"})) == "algorithm"


@pytest.mark.parametrize(
    "token", ["", "a", "a.b.c", "....", "e30.e30.", "\ud800", "é.é.é", "a" * 20_000, None, b"x"]
)
def test_what_is_no_token(sdk: AdminClient, token: Any) -> None:
    assert reason(sdk, token) in ("malformed", "algorithm")


def test_a_signature_that_is_not_base64url(provider: Provider, sdk: AdminClient) -> None:
    signed, _, signature = provider.token().rpartition(".")
    for broken in (signature + "!", signature[:-1], "=" + signature):
        with pytest.raises(InvalidToken, match="The token's signature is not base64url") as caught:
            sdk.verify_token(f"{signed}.{broken}")
        assert caught.value.reason == "signature"


@given(position=st.integers(min_value=0), char=st.sampled_from("AZaz09-_.="))
def test_any_changed_character_is_noticed(position: int, char: str) -> None:
    token, verifier = _signed_once()
    place = position % len(token)
    changed = token[:place] + char + token[place + 1 :]
    if changed != token and not _same_bytes(changed, token):
        with pytest.raises(InvalidToken):
            verifier.verify(changed, None)


def _same_bytes(one: str, other: str) -> bool:
    """Base64's last character holds bits that no byte uses."""

    def decoded(token: str) -> list[bytes]:
        return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]

    return one.count(".") == 2 and "=" not in one and decoded(one) == decoded(other)


class _FixedKeys:
    """Stands in for HTTP, not for the cryptography: discovery and JWKS from memory."""

    base_url = "https://id.example.com"

    def fetch_public(self, url: str) -> Any:
        if url.endswith("/jwks"):
            public = get_default_algorithms()["RS256"].to_jwk(RSA.public_key(), as_dict=True)
            return {"keys": [{**public, "kid": "one"}]}
        return {"issuer": self.base_url, "jwks_uri": f"{self.base_url}/jwks"}


_ONCE: list[Any] = []


def _signed_once() -> tuple[str, tokens.TokenVerifier]:
    if not _ONCE:
        claims = {"iss": _FixedKeys.base_url, "sub": "mem_1", "exp": int(time.time()) + 3600}
        verifier = tokens.TokenVerifier(_FixedKeys(), member_token_issuer=None, leeway=0)  # type: ignore[arg-type]
        _ONCE.extend([jwt.encode(claims, RSA, "RS256", {"kid": "one"}), verifier])
        verifier.verify(_ONCE[0], None)
    return _ONCE[0], _ONCE[1]


def test_keys_are_fetched_once(provider: Provider, sdk: AdminClient) -> None:
    for _ in range(5):
        sdk.verify_token(provider.token())
    assert (provider.server.count(DISCOVERY), provider.server.count("/jwks")) == (1, 1)


def test_an_unknown_kid_makes_it_look_again(provider: Provider, sdk: AdminClient) -> None:
    sdk.verify_token(provider.token())
    provider.add_key("two", "ES256")
    assert sdk.verify_token(provider.token("two", "ES256")).subject == "mem_1"
    assert provider.server.count("/jwks") == 2


def test_junk_cannot_make_it_look_all_the_time(
    provider: Provider, sdk: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = {"exp": int(time.time()) + 60}
    for number in range(20):
        assert reason(sdk, jwt.encode(claims, RSA, "RS256", {"kid": f"junk-{number}"})) == "unknown_key"
    assert provider.server.count("/jwks") == 2  # the first fetch and one more
    provider.add_key("two")
    assert reason(sdk, provider.token("two")) == "unknown_key"
    monkeypatch.setattr(tokens, "REFETCH_PAUSE", 0.0)
    assert sdk.verify_token(provider.token("two"))


def test_many_threads_share_one_fetch(provider: Provider, sdk: AdminClient) -> None:
    start = threading.Barrier(16)

    def verify(kid: str) -> str:
        start.wait()
        return sdk.verify_token(provider.token(kid)).subject

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(verify, ["one"] * 16)) == {"mem_1"}
        assert provider.server.count("/jwks") == 1
        provider.add_key("two")
        assert set(threads.map(verify, ["one", "two"] * 8)) == {"mem_1"}
    assert provider.server.count("/jwks") == 2


def test_a_withdrawn_key_is_forgotten(
    provider: Provider, sdk: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.token()
    sdk.verify_token(token)
    provider.jwks.clear()
    assert sdk.verify_token(token)
    monkeypatch.setattr(tokens, "KEYS_LIFETIME", 0.0)
    assert reason(sdk, token) == "unknown_key"


def test_an_outage_keeps_known_keys_alive(
    provider: Provider, sdk: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk.verify_token(provider.token())
    provider.add_key("two")
    provider.server.answer = lambda _asked: Reply(status=500)
    monkeypatch.setattr(tokens, "KEYS_LIFETIME", 0.0)
    assert sdk.verify_token(provider.token())
    with pytest.raises(Unreachable):  # nobody can tell whether this one is good
        sdk.verify_token(provider.token("two"))


def test_without_keys_callers_fail_fast(provider: Provider, sdk: AdminClient) -> None:
    provider.server.answer = lambda _asked: Reply(status=500)
    for _ in range(5):
        with pytest.raises(Unreachable, match="500"):
            sdk.verify_token(provider.token())
    assert len(provider.server.asked) == 1


@pytest.mark.parametrize("discovery", [[], {}, {"issuer": "x"}, {"issuer": 1, "jwks_uri": "http://x"}])
def test_not_a_provider(provider: Provider, sdk: AdminClient, discovery: Any) -> None:
    provider.server.answer = lambda _asked: Reply(discovery)
    with pytest.raises(Unreachable, match="OpenID provider"):
        sdk.verify_token(provider.token())


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1/jwks", "file:///etc/passwd", "//x"])
def test_keys_from_an_unsafe_place(provider: Provider, sdk: AdminClient, uri: str) -> None:
    provider.discovery["jwks_uri"] = uri
    with pytest.raises(Unreachable, match="safe place"):
        sdk.verify_token(provider.token())


@pytest.mark.parametrize(
    "jwks", [None, [], {"keys": None}, {"keys": [1, {}, {"kid": 1}]}, {"keys": {"kid": "one"}}]
)
def test_unusable_key_sets(provider: Provider, sdk: AdminClient, jwks: Any) -> None:
    provider.server.answer = lambda asked: Reply(provider.discovery if asked.path == DISCOVERY else jwks)
    assert reason(sdk, provider.token()) == "unknown_key"


def test_keys_of_other_kinds_are_passed_over(provider: Provider, sdk: AdminClient) -> None:
    provider.add_key("encrypting", use="enc")
    provider.jwks[:0] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric", "alg": "HS256"},
        {"kty": "AKP", "alg": "ML-DSA-44", "kid": "new", "pub": "AAAA"},
        {"kty": "RSA", "kid": "broken"},
    ]
    assert sdk.verify_token(provider.token())
    assert reason(sdk, provider.token("encrypting")) == "unknown_key"
    symmetric = jwt.encode({"exp": 2**33}, "secret" * 8, "HS256", {"kid": "symmetric"})
    assert reason(sdk, symmetric) == "algorithm"
