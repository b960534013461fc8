"""Where a member who is logged in proves more of who they are, because an application asks for it."""

from collections.abc import Collection
from urllib.parse import urlencode

from msidp.accounts import assurance
from msidp.accounts.factors import passkeys, totp
from msidp.accounts.sessions import Login
from msidp.accounts.signin import SECOND_STEP
from msidp.db import reading
from msidp.factors.ceremonies import site

_PASSKEY = assurance.passkey(synced=True, verified=True)


def url(login: Login, wanted: Collection[str], next_: str) -> str | None:
    """The path of the page on which this log-in comes to satisfy one of the `wanted` classes.

    `wanted` holds values of `acr` (see `assurance`). The page leads on to `next_`, a local path, where the
    log-in is looked at again. None where the member has no means that would reach any of them.
    """
    with reading() as session:
        by_code = totp.is_on(session, login.member_id)
        by_passkey = passkeys.count(session, login.member_id) > 0 and site() is not None
    found = f"{SECOND_STEP}?{urlencode({'next': next_})}"
    if by_code and assurance.met((*login.methods, *assurance.AUTHENTICATOR_CODE), wanted):
        return found
    if by_passkey and assurance.met(_PASSKEY, wanted):
        return f"{found}&with=passkey" if by_code else found
    return None
