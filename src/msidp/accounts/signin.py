"""What follows when a member has proved who they are, by whichever method: the one way into a session."""

from sqlalchemy.orm import Session

from msidp.accounts.browser import start_session
from msidp.accounts.pages import HOME, next_path
from msidp.members import service as members
from msidp.members.models import Member


def sign_in(session: Session, member: Member, methods: tuple[str, ...]) -> str:
    """Log this browser in by these methods (see `assurance`), in the transaction given.

    Returns the path to go on to.
    """
    members.record_login(session, member.id)
    start_session(session, member, methods)
    return next_path() or HOME
