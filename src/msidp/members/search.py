"""Finding members by the start of their address, quickly among a million."""

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Session

from msidp.members.emails import caseless
from msidp.members.models import Member

_LAST = "\U0010ffff"


def matching(session: Session, query: str) -> ColumnElement[bool]:
    """The members whose address begins with `query` (case does not matter), or whose id it is.

    SQLite's index on the address serves a range; PostgreSQL's, whose order is a language's, has an index
    of its own for prefixes.
    """
    if query.startswith("mem_"):
        return Member.id == query
    key = caseless(query)
    if session.get_bind().dialect.name == "sqlite":
        return and_(Member.email_key >= key, Member.email_key < key + _LAST)
    return Member.email_key.startswith(key, autoescape=True)
