"""Stored answers: what a POST with an Idempotency-Key was told, kept so that a repetition hears the same.

An answer commits in the transaction of the change it tells of. It is sealed, for it may hold a secret
that is shown once.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from msidp import canonical, clock
from msidp.communities.models import IdempotencyRecord
from msidp.errors import Invalid
from msidp.statements import delete_some, insert_new
from msidp.vault.fields import FieldCipher

KEPT_FOR = 24 * clock.HOUR


@dataclass(frozen=True, slots=True)
class RequestId:
    """A POST as its sender names it, and what tells it from another one under the same name."""

    api_key_id: str
    key: str  # the Idempotency-Key
    request_hash: str  # of method, path, query and body

    @property
    def context(self) -> str:
        """What the stored answer is sealed under."""
        return f"idempotency_record:{self.api_key_id}:{self.key}"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    content_type: str
    body: str


def find(session: Session, cipher: FieldCipher, request: RequestId) -> StoredAnswer | None:
    """The answer this request got before.

    Raises Invalid (`idempotency-key-reused`) where the key belongs to another request.
    """
    row = session.execute(
        select(IdempotencyRecord.request_hash, IdempotencyRecord.status, IdempotencyRecord.body).where(
            IdempotencyRecord.api_key_id == request.api_key_id, IdempotencyRecord.key == request.key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_hash != request.request_hash:
        raise Invalid("idempotency-key-reused", "This Idempotency-Key was used for another request.")
    content_type, body = canonical.loads(cipher.open(row.body, request.context))
    return StoredAnswer(row.status, content_type, body)


def store(session: Session, cipher: FieldCipher, request: RequestId, answer: StoredAnswer) -> bool:
    """Keep the answer. False where another request with this key was faster."""
    values = {
        "api_key_id": request.api_key_id,
        "key": request.key,
        "request_hash": request.request_hash,
        "status": answer.status,
        "body": cipher.seal(canonical.dumps([answer.content_type, answer.body]), request.context),
        "created_at": clock.now(),
    }
    return insert_new(session, IdempotencyRecord, values, unique=("api_key_id", "key")) is not None


def purge_expired(session: Session, now: int) -> int:
    """Forget some of the answers that were kept long enough. Returns how many."""
    return delete_some(session, IdempotencyRecord, IdempotencyRecord.created_at < now - KEPT_FOR)
