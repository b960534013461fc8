"""The keyring: signs and verifies our own tokens with the keys of the table, held ready in this process."""

import json
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

import structlog
from flask import Flask
from joserfc.jwk import import_key
from joserfc.util import json_b64encode, urlsafe_b64decode
from pydantic_core import from_json, to_json

from msidp import base64url, clock
from msidp.communities.guard import default_community_id
from msidp.db import reading, transaction
from msidp.keys import service
from msidp.keys.models import SigningKey
from msidp.keys.pairs import ALGORITHMS, DEFAULT_ALGORITHM
from msidp.keys.signatures import Sign, Verify, signer, verifier
from msidp.present import present_app
from msidp.settings import Settings
from msidp.vault.fields import CannotOpen, FieldCipher, cipher

RELOAD_AFTER = 10 * clock.SECOND  # until a rotation by another process is seen
RELOAD_AT_MOST_EVERY = 5 * clock.SECOND  # where unknown key ids ask for it
_HEADER = {"alg", "kid", "typ"}  # of every token we sign; anything more is not ours
MAX_HEADER = 512  # bytes of it, encoded
MAX_SEEN = 4096  # tokens

log = structlog.get_logger(__name__)


class CannotSign(CannotOpen):
    """The private key does not open: MSIDP_SECRET_KEY no longer holds what it was sealed under."""


class InvalidToken(Exception):
    """The token is not one of ours, is of another kind, or is over. The text says which, for logs."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """What was read from the table at one moment."""

    loaded_at: int
    signers: dict[str, tuple[str, SigningKey]]  # by algorithm: the kid, and the row
    verifiers: dict[str, tuple[str, Verify]]  # kid → algorithm, what verifies by its public key
    retired: dict[str, tuple[str, Verify]]  # the same of keys that verify hints alone
    document: bytes
    etag: str


class Keyring:
    """The keys of one community, cached. Threads share it.

    `load` reads the table's keys, in order of their turn to sign, and makes the first ones where there
    are none. Which algorithm signs is the application's choice; every one has its own keys.
    """

    def __init__(
        self, issuer: str, field_cipher: FieldCipher, load: Callable[[], Sequence[SigningKey]]
    ) -> None:
        self.issuer = issuer
        self._cipher = field_cipher
        self._load = load
        self._lock = threading.Lock()
        self._ring: _Ring | None = None
        self._opened: dict[str, Sign] = {}  # by kid
        self._seen: set[bytes] = set()  # hashes of tokens whose signature was found right

    def prepare(self, algorithm: str = DEFAULT_ALGORITHM) -> None:
        """See that `sign` will find its key, before anything is given away for it. Raises CannotSign."""
        self._signer(algorithm)

    def sign(self, claims: dict[str, Any], *, typ: str, algorithm: str = DEFAULT_ALGORITHM) -> str:
        """A compact JWS over these claims by the key whose turn it is; its kid is in the header.

        Raises CannotSign.
        """
        kid, sign = self._signer(algorithm)
        payload = base64url.encode(to_json(claims))
        message = b".".join((_header_segment(typ, algorithm, kid), payload))
        return b".".join((message, base64url.encode(sign(message)))).decode("ascii")

    def verify(
        self,
        token: str,
        *,
        typ: Collection[str],
        audience: str | None = None,
        issuer: str | None = None,
        leeway: int = 0,
        allow_expired: bool = False,
    ) -> dict[str, Any]:
        """The claims of a token that we signed and that is still good.

        `typ` names the kinds allowed here; `issuer` is the provider's unless given; `leeway` is in
        seconds; `allow_expired` is for hints (OpenID Connect RP-Initiated Logout 1.0, section 2), whose key
        may have been retired since.
        Raises InvalidToken.
        """
        claims = self._verified(token, typ, retired=allow_expired)
        if claims.get("iss") != (issuer or self.issuer):
            raise InvalidToken("another issuer")
        expires = claims.get("exp")
        if not isinstance(expires, int):
            raise InvalidToken("no expiry")
        if not allow_expired and expires + leeway <= clock.seconds(clock.now()):
            raise InvalidToken("expired")
        if audience is not None and audience not in _audiences(claims):
            raise InvalidToken("another audience")
        return claims

    def jwks(self) -> dict[str, Any]:
        """The public keys (RFC 7517, section 5)."""
        document: dict[str, Any] = json.loads(self._fresh().document)
        return document

    def jwks_document(self) -> tuple[bytes, str]:
        """The same as bytes, and their ETag."""
        ring = self._fresh()
        return ring.document, ring.etag

    def reload(self) -> None:
        """Read the table again, e.g. after a rotation in this process."""
        with self._lock:
            self._ring = self._read()

    def _verified(self, token: str, typ: Collection[str], *, retired: bool) -> dict[str, Any]:
        try:
            head, payload, signature = token.encode("ascii").split(b".")
            kind, named, kid = _read_header(head)
            if kind not in typ:
                raise InvalidToken("another kind of token")
            algorithm, verify = self._verifier(kid, retired)
            if named != algorithm:
                raise InvalidToken("another algorithm than its key's")
            if not self._is_signed(head + b"." + payload, signature, verify):
                raise InvalidToken("a wrong signature")
            claims = from_json(urlsafe_b64decode(payload))
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidToken("not a token") from error
        if not isinstance(claims, dict):
            raise InvalidToken("not a token")
        return claims

    def _is_signed(self, message: bytes, signature: bytes, verify: Verify) -> bool:
        """Whether the signature is right. Who introspects asks for the same token again and again: what was
        found once stays true, for the key that verifies it is named in the message.
        """
        digest = sha256(message + b"." + signature).digest()
        if digest in self._seen:
            return True
        if not verify(message, urlsafe_b64decode(signature)):
            return False
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen.add(digest)
        return True

    def _verifier(self, kid: str, retired: bool) -> tuple[str, Verify]:
        found = self._fresh().verifiers.get(kid)
        if found is None and retired:
            found = self._fresh().retired.get(kid)
        if found is None:
            found = self._fresh(RELOAD_AT_MOST_EVERY).verifiers.get(kid)
        if found is None:
            raise InvalidToken("an unknown key")
        return found

    def _fresh(self, max_age: int = RELOAD_AFTER) -> _Ring:
        """What is known of the table, read again where that is older than `max_age` milliseconds."""
        ring = self._ring
        if ring is not None and _is_young(ring, max_age):
            return ring
        with self._lock:
            ring = self._ring
            if ring is None or not _is_young(ring, max_age):
                ring = self._ring = self._read()
            return ring

    def _read(self) -> _Ring:
        rows = self._load()
        now = clock.now()
        published = service.published(rows, now)
        verifiers = _verifiers(published)
        document = _document(published, now)
        return _Ring(
            loaded_at=now,
            signers={  # the last one stays
                row.algorithm: (row.kid, row) for row in published if row.active_at <= now
            },
            verifiers=verifiers,
            retired=_verifiers(row for row in rows if row.kid not in verifiers),
            document=document,
            etag=sha256(document).hexdigest()[:32],
        )

    def _signer(self, algorithm: str) -> tuple[str, Sign]:
        """The key whose turn it is: its kid, and what signs by it.

        Opened when it first signs. Without it, all that needs the public keys alone goes on.
        """
        kid, row = self._fresh().signers[algorithm]
        sign = self._opened.get(kid)
        if sign is None:
            sign = self._opened[kid] = self._open(row)
        return kid, sign

    def _open(self, row: SigningKey) -> Sign:
        try:
            pem = self._cipher.open(row.private_pem, service.private_context(row.kid))
        except CannotOpen as error:
            log.error("the signing key does not open: mend MSIDP_SECRET_KEY", kid=row.kid, reason=str(error))
            raise CannotSign(str(error)) from error
        return signer(row.algorithm, import_key(pem, row.public_jwk["kty"]))


def _verifiers(rows: Iterable[SigningKey]) -> dict[str, tuple[str, Verify]]:
    return {row.kid: (row.algorithm, verifier(row.algorithm, import_key(row.public_jwk))) for row in rows}


def _document(published: list[SigningKey], now: int) -> bytes:
    """The JWKS. First of an algorithm stands the key that signs: some verifiers take the first that fits."""
    states = service.states(published, now)
    keys = sorted(published, key=lambda key: (ALGORITHMS.index(key.algorithm), states[key.kid] != "active"))
    return to_json({"keys": [key.public_jwk for key in keys]})


@lru_cache(maxsize=64)  # few are ours; who sends others shall not fill the memory
def _read_header(segment: bytes) -> tuple[str, str, str]:
    """Its typ, alg and kid. Raises InvalidToken, ValueError and others for a header that is none of ours."""
    header = json.loads(urlsafe_b64decode(segment)) if len(segment) <= MAX_HEADER else None
    if not isinstance(header, dict) or set(header) != _HEADER:
        raise InvalidToken("another kind of token")
    return header["typ"], header["alg"], header["kid"]


@cache
def _header_segment(typ: str, algorithm: str, kid: str) -> bytes:
    return json_b64encode({"typ": typ, "alg": algorithm, "kid": kid})


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its keyring. Nothing is read before it is first used."""
    app.extensions["msidp_keyring"] = Keyring(settings.base_url, FieldCipher(settings.secret_keys), _known)


def keyring() -> Keyring:
    """This application's keyring."""
    found: Keyring = present_app().extensions["msidp_keyring"]
    return found


def _is_young(ring: _Ring, max_age: int) -> bool:
    return 0 <= clock.now() - ring.loaded_at < max_age  # a clock that was set back ends it too


def _audiences(claims: dict[str, Any]) -> list[Any]:
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [audience]


def _known() -> list[SigningKey]:
    community_id = default_community_id()
    with reading() as session:
        keys = service.known(session, community_id)
    if {key.algorithm for key in service.published(keys, clock.now())}.issuperset(ALGORITHMS):
        return keys
    with transaction() as session:
        service.ensure(session, cipher(), community_id)
        return service.known(session, community_id)
