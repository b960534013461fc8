"""A log-in between its two steps: somebody has given one proof and owes the second."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from msidp import clock, ids
from msidp.factors.models import PendingLoginColumns
from msidp.statements import delete_some

LIFETIME = 10 * clock.MINUTE


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who waits in this browser, and by which methods they came this far."""

    owner_id: str
    methods: tuple[str, ...]


class SecondStep:
    """The waiting log-ins of one kind of account."""

    def __init__(
        self,
        model: type[PendingLoginColumns],
        owner: InstrumentedAttribute[str],
        account: InstrumentedAttribute[str],
        password_hash: InstrumentedAttribute[Any],
    ) -> None:
        """`owner` is the table's column that says who waits; the others are of the accounts' own table."""
        self._model, self._owner, self._account, self._password_hash = model, owner, account, password_hash

    def begin(
        self, session: Session, owner_id: str, password_hash: str | None, methods: tuple[str, ...]
    ) -> str:
        """Let a browser wait. Returns the token for its cookie. `password_hash` is the account's."""
        token, now = ids.new_token(), clock.now()
        values = {
            self._owner.key: owner_id,
            "token_hash": ids.hash_token(token),
            "methods": list(methods),
            "password_hash": password_hash,
            "created_at": now,
            "expires_at": now + LIFETIME,
        }
        session.add(self._model(**values))
        session.flush()
        return token

    def find(self, session: Session, token: str) -> Waiting | None:
        """Who waits under this token; None after ten minutes, or once their password has changed."""
        row = session.execute(
            select(self._owner.label("owner_id"), self._model.methods)
            .join(self._account.class_, self._account == self._owner)
            .where(
                self._model.token_hash == ids.hash_token(token),
                self._model.expires_at > clock.now(),
                self._model.password_hash.is_not_distinct_from(self._password_hash),
            )
        ).one_or_none()
        return Waiting(row.owner_id, tuple(row.methods)) if row else None

    def end(self, session: Session, token: str) -> bool:
        """End the waiting: true for one caller alone."""
        ended = session.execute(
            delete(self._model)
            .where(self._model.token_hash == ids.hash_token(token))
            .returning(self._model.token_hash)
            .execution_options(synchronize_session=False)
        )
        return ended.one_or_none() is not None

    def purge_expired(self, session: Session, now: int) -> int:
        """Delete some that wait no longer. Returns how many."""
        return delete_some(session, self._model, self._model.expires_at <= now)
