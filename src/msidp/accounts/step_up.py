"""Where a member who is logged in proves more of who they are, because an application asks for it."""

from collections.abc import Collection
from urllib.parse import urlencode

from msidp.accounts import assurance
from msidp.accounts.factors import totp
from msidp.accounts.sessions import Login
from msidp.accounts.signin import SECOND_STEP
from msidp.db import reading


def url(login: Login, wanted: Collection[str], next_: str) -> str | None:
    """The path of the page on which this log-in comes to satisfy one of the `wanted` classes.

    `wanted` holds values of `acr` (see `assurance`). The page leads on to `next_`, a local path, where the
    log-in is looked at again. None where the member has no means that would reach any of them.
    """
    with reading() as session:
        by_code = totp.is_on(session, login.member_id)
    if by_code and assurance.met((*login.methods, *assurance.AUTHENTICATOR_CODE), wanted):
        return f"{SECOND_STEP}?{urlencode({'next': next_})}"
    return None
