"""Signing keys in the table: making them, reading them."""

from joserfc.jwk import RSAKey
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from msidp import clock
from msidp.keys.models import SigningKey
from msidp.vault.fields import FieldCipher

DEFAULT_ALGORITHM = "RS256"
RSA_BITS = 2048


def ensure(session: Session, cipher: FieldCipher, community_id: str) -> None:
    """Give the community its first key, where it has none that signs RS256."""
    keys = published(session, community_id)
    if not any(key.algorithm == DEFAULT_ALGORITHM for key in keys):
        create(session, cipher, community_id)


def create(session: Session, cipher: FieldCipher, community_id: str) -> SigningKey:
    """Make an RS256 key that signs from now on."""
    pair = RSAKey.generate_key(RSA_BITS, auto_kid=False)
    kid = pair.thumbprint()
    now = clock.now()
    key = SigningKey(
        kid=kid,
        community_id=community_id,
        algorithm=DEFAULT_ALGORITHM,
        public_jwk={
            **pair.as_dict(private=False),
            "kid": kid,
            "use": "sig",
            "alg": DEFAULT_ALGORITHM,
        },
        private_pem=cipher.seal(pair.as_pem(private=True).decode(), private_context(kid)),
        created_at=now,
        active_at=now,
    )
    session.add(key)
    session.flush()
    return key


def published(session: Session, community_id: str) -> list[SigningKey]:
    """The keys that are in the JWKS now, in order of their turn to sign."""
    statement = (
        select(SigningKey)
        .where(
            SigningKey.community_id == community_id,
            or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > clock.now()),
        )
        .order_by(SigningKey.active_at, SigningKey.kid)
    )
    return list(session.scalars(statement))


def private_context(kid: str) -> str:
    """The context under which this key's private part is sealed."""
    return f"signing_key:{kid}"
