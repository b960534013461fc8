"""What the provider does when a member's session ends (OpenID Connect Back-Channel Logout 1.0).

The applications that the member was logged in to in that session are told, if they want to be, and what they
were granted in it ends: access tokens are refused from then on at userinfo and introspection, refresh tokens
at /token. A grant with offline access goes on (section 2.7), unless the member is logged out everywhere.
"""

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from msidp import clock
from msidp.accounts.models import Session as MemberSession
from msidp.accounts.sessions import Ended
from msidp.oidc.clients import client_of
from msidp.oidc.models import Application, Grant, SessionApplication
from msidp.oidc.subjects import sid_of, subject_of
from msidp.statements import insert_new
from msidp.vault.fields import CannotOpen
from msidp.webhooks import logout
from msidp.webhooks.logout import Notice

log = structlog.get_logger(__name__)


def join(session: Session, session_id: str, application_id: str) -> bool:
    """Note that the member is logged in to the application in this session; False where it has just ended.

    The session cannot end before this transaction does.
    """
    if not hold(session, session_id):
        return False
    values = {"session_id": session_id, "application_id": application_id}
    insert_new(session, SessionApplication, values, unique=("session_id", "application_id"))
    return True


def hold(session: Session, session_id: str) -> bool:
    """Let the session not end before this transaction does; False where it has just ended."""
    held = select(MemberSession.id).where(MemberSession.id == session_id)
    return session.scalar(held.with_for_update(read=True, key_share=True)) is not None


def end(session: Session, ended: Ended) -> None:
    """Tell the applications and end what was granted (a listener of `accounts.sessions`)."""
    _tell(session, ended)
    _revoke(session, ended)


def _tell(session: Session, ended: Ended) -> None:
    rows = session.execute(
        select(SessionApplication.session_id, Application)
        .join(Application, Application.id == SessionApplication.application_id)
        .where(
            SessionApplication.session_id.in_(ended.session_ids),
            Application.backchannel_logout_uri.is_not(None),
        )
        .order_by(Application.seq, SessionApplication.session_id)
    ).all()
    found = [_notice(application, session_id, ended.member_id) for session_id, application in rows]
    if notices := [notice for notice in found if notice is not None]:
        logout.record(session, rows[0].Application.community_id, ended.member_id, notices)


def _notice(application: Application, session_id: str, member_id: str) -> Notice | None:
    """What to tell an application; None where the secret behind its pairwise names does not open."""
    client = client_of(application)
    assert client.backchannel_logout_uri is not None  # noqa: S101  # the query asks for it
    try:
        subject, sid = subject_of(client, member_id), sid_of(client, session_id)
    except CannotOpen as error:
        log.error("an application cannot be told of a logout", client_id=client.client_id, reason=str(error))
        return None
    return Notice(
        application_id=client.application_id,
        name=client.name,
        url=client.backchannel_logout_uri,
        sid=sid,
        subject=subject,
        client_id=client.client_id,
        algorithm=client.id_token_alg,
    )


def _revoke(session: Session, ended: Ended) -> None:
    now = clock.now()
    standing = Grant.revoked_at.is_(None) & (Grant.expires_at > now)
    over = standing if ended.everywhere else standing & Grant.offline.is_(False)
    session.execute(
        update(Grant)
        .where(_ending(ended), over)
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def _ending(ended: Ended) -> ColumnElement[bool]:
    if not ended.everywhere:
        return Grant.session_id.in_(ended.session_ids)
    theirs = Grant.member_id == ended.member_id
    if ended.kept is None:
        return theirs
    return theirs & (Grant.session_id.is_(None) | (Grant.session_id != ended.kept))
