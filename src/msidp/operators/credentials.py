"""Proving that one is an operator. Reads, closes the database, then hashes (see `msidp.vault.passwords`)."""

from msidp.db import reading
from msidp.errors import Invalid
from msidp.operators import service
from msidp.vault import passwords


def prove(community_id: str, email: str, password: str) -> str | None:
    """The id of the operator with this address and password; None where one of them is wrong.

    An unknown address costs the same work as a wrong password. Raises Busy.
    """
    try:
        with reading() as session:
            operator = service.find_by_email(session, community_id, email)
    except Invalid:  # no address at all: nobody's
        operator = None
    stored = operator.password_hash if operator else None
    right = passwords.verify_password(password, stored)
    return operator.id if right and operator else None
