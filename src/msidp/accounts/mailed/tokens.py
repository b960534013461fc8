"""Mailed tokens: 256 random bits in a link, and for sign-in six digits to type where it was asked for.

Only hashes are kept. The digits are hashed with the asker's secret: without it a million tries would find
them in a stolen table. Where a token has to be typed, and nothing says who asked, it is one of 80 bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.orm import Session

from msidp import clock, ids
from msidp.accounts.mailed.models import MailedToken
from msidp.members.emails import Email
from msidp.statements import delete_some

RESET = "reset"
VERIFY = "verify"
CHANGE = "change"
KEEP = "keep"
SIGN_IN = "sign_in"
SIGN_UP = "sign_up"
SIGN_UP_CODE = "sign_up_code"
LIFETIMES = {
    RESET: clock.HOUR,
    VERIFY: 3 * clock.DAY,
    CHANGE: clock.HOUR,
    KEEP: 7 * clock.DAY,
    SIGN_IN: 10 * clock.MINUTE,
    SIGN_UP: clock.DAY,
    SIGN_UP_CODE: 10 * clock.MINUTE,
}
CODE_TRIES = 5
_TYPED = 16  # characters of a token that can be typed, of five bits each
_SEPARATORS = " -\t\n"
_MISTAKEN = str.maketrans("oil", "011")  # what the alphabet of ids leaves out


@dataclass(frozen=True, slots=True)
class Asker:
    """The browser that asks for a mail: its secret, kept in a cookie, and where it was going.

    Where there is no cookie, the address asked for is in its place (`asking.by_address`).
    """

    secret: str
    next: str | None = None

    def is_the_one(self, held: "Held") -> bool:
        """Whether this browser asked for what is held."""
        return held.browser_hash == ids.hash_token(self.secret)


@dataclass(frozen=True, slots=True)
class Held:
    """What a token stands for."""

    purpose: str
    community_id: str
    member_id: str | None
    email: Email
    browser_hash: str | None
    next: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Issued:
    """A token just made; the only moment it is known."""

    token: str
    expires_at: int


def issue(
    session: Session,
    purpose: str,
    community_id: str,
    email: Email,
    *,
    member_id: str | None,
    asker: Asker | None = None,
    code: str | None = None,
    data: Mapping[str, Any] | None = None,
    typed: bool = False,
) -> Issued:
    """Make a token that proves `email`, for a member or for nobody; one that can be `typed`, where asked."""
    token, now = ids.new_code(_TYPED) if typed else ids.new_token(), clock.now()
    token_hash = ids.hash_token(token)
    row = MailedToken(
        token_hash=token_hash,
        purpose=purpose,
        community_id=community_id,
        member_id=member_id,
        email=email.address,
        email_key=email.key,
        browser_hash=ids.hash_token(asker.secret) if asker else None,
        next=asker.next if asker else None,
        code_hash=_code_hash(asker.secret, token_hash, code) if asker and code else None,
        tries_left=CODE_TRIES if code else 0,
        data=dict(data or {}),
        created_at=now,
        expires_at=now + LIFETIMES[purpose],
    )
    session.add(row)
    session.flush()
    return Issued(token, row.expires_at)


def look(session: Session, purpose: str, token: str) -> Held | None:
    """What a token stands for that is still good. Looking does not spend it."""
    row = session.execute(select(*_HELD).where(*_good(purpose), _is(token))).one_or_none()
    return _held(row) if row else None


def spend(session: Session, purpose: str, token: str) -> Held | None:
    """Use a token up. One of several callers at once gets what it stands for, the others None."""
    return _spend(session, (*_good(purpose), _is(token)))


def read_typed(text: str) -> str:
    """A token as a person typed it, or as it stood in a link."""
    bare = "".join(character for character in text if character not in _SEPARATORS).lower()
    return bare.translate(_MISTAKEN) if len(bare) == _TYPED else text.strip()


def shown(token: str) -> str:
    """A token that can be typed, as a mail shows it."""
    return "-".join(token[start : start + 4] for start in range(0, len(token), 4))


def spend_code(session: Session, secret: str, code: str, purpose: str = SIGN_IN) -> Held | None:
    """Use up the latest token that this browser asked for, by its code. A wrong code costs a try."""
    token_hash = _latest_asked(session, secret, purpose)
    if token_hash is None:
        return None
    tried = session.execute(
        update(MailedToken)
        .where(*_good(purpose), MailedToken.token_hash == token_hash, MailedToken.tries_left > 0)
        .values(tries_left=MailedToken.tries_left - 1)
        .returning(MailedToken.token_hash)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    right = MailedToken.code_hash == _code_hash(secret, token_hash, code)
    if tried is None:
        return None
    return _spend(session, (*_good(purpose), MailedToken.token_hash == token_hash, right))


def asked_for(session: Session, secret: str) -> str | None:
    """The address that this browser asked for a code for, if the code can still be typed."""
    token_hash = _latest_asked(session, secret, SIGN_IN)
    email = select(MailedToken.email).where(MailedToken.token_hash == token_hash, MailedToken.tries_left > 0)
    return session.scalar(email) if token_hash else None


def revoke(session: Session, member_id: str, *purposes: str) -> bool:
    """Make the member's tokens of these purposes worthless. Returns whether one was still good."""
    revoked = session.execute(
        update(MailedToken)
        .where(
            MailedToken.member_id == member_id,
            MailedToken.purpose.in_(purposes),
            MailedToken.spent_at.is_(None),
            MailedToken.expires_at > clock.now(),
        )
        .values(spent_at=clock.now())
        .returning(MailedToken.token_hash)
        .execution_options(synchronize_session=False)
    )
    return bool(revoked.all())


def purge_expired(session: Session, now: int) -> int:
    """Delete some that are over. Returns how many."""
    return delete_some(session, MailedToken, MailedToken.expires_at <= now)


_HELD = (
    MailedToken.purpose,
    MailedToken.community_id,
    MailedToken.member_id,
    MailedToken.email,
    MailedToken.email_key,
    MailedToken.browser_hash,
    MailedToken.next,
    MailedToken.data,
)


def _held(row: Row[Any]) -> Held:
    email = Email(row.email, row.email_key)
    return Held(row.purpose, row.community_id, row.member_id, email, row.browser_hash, row.next, row.data)


def _spend(session: Session, conditions: tuple[ColumnElement[bool], ...]) -> Held | None:
    row = session.execute(
        update(MailedToken)
        .where(*conditions)
        .values(spent_at=clock.now())
        .returning(*_HELD)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return _held(row) if row else None


def _good(purpose: str) -> tuple[ColumnElement[bool], ...]:
    return (
        MailedToken.purpose == purpose,
        MailedToken.spent_at.is_(None),
        MailedToken.expires_at > clock.now(),
    )


def _is(token: str) -> ColumnElement[bool]:
    return MailedToken.token_hash == ids.hash_token(token)


def _latest_asked(session: Session, secret: str, purpose: str) -> str | None:
    return session.scalar(
        select(MailedToken.token_hash)
        .where(*_good(purpose), MailedToken.browser_hash == ids.hash_token(secret))
        .order_by(MailedToken.created_at.desc())
        .limit(1)
    )


def _code_hash(secret: str, token_hash: str, code: str) -> str:
    return ids.hash_token(f"{secret} {token_hash} {code}")
