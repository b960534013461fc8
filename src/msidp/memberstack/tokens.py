"""Member session tokens: how a site's pages, and Memberstack's own packages, know who is logged in.

A token is a JWT with the claims {id, sub, type: "member", iat, exp, aud: "app_…", iss, sid}. Its issuer is a
setting of its own (MSIDP_MEMBER_TOKEN_ISSUER). `sid` is the session that it stands for: where that has ended
the token is worthless here, though whoever verifies it by its signature alone takes it until `exp`.
"""

from dataclasses import dataclass
from typing import Any

from flask import current_app

from msidp import clock
from msidp.accounts import sessions
from msidp.accounts.sessions import Login
from msidp.communities.service import Site
from msidp.db import reading, transaction
from msidp.errors import BadRequest
from msidp.keys.keyring import InvalidToken, keyring
from msidp.settings import Settings

TYP = "JWT"
CLAIMS = ("id", "type", "iat", "exp", "aud", "iss")
LIFETIME = sessions.LIFETIME


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and until when it is good (milliseconds)."""

    token: str
    expires_at: int


def issue(site: Site, login: Login) -> Issued:
    """The token of a session that has just begun. Raises CannotSign."""
    begun = clock.seconds(login.authenticated_at)
    expires = begun + clock.seconds(LIFETIME)
    claims = {
        "id": login.member_id,
        "sub": login.member_id,
        "type": "member",
        "iat": begun,
        "exp": expires,
        "aud": site.app_id,
        "iss": _issuer(),
        "sid": login.session_id,
    }
    return Issued(keyring().sign(claims, typ=TYP), expires * clock.SECOND)


def verify(site: Site, token: str) -> tuple[Login, dict[str, Any]]:
    """Whose live session a token stands for, and what it says. Notes that its member was here.

    Raises InvalidToken.
    """
    claims = keyring().verify(token, typ=[TYP], audience=site.app_id, issuer=_issuer())
    if claims.get("type") != "member" or not claims.keys() >= {*CLAIMS, "sid"}:
        raise InvalidToken("another kind of token")
    with reading() as session:
        login = sessions.find_by_id(session, str(claims["sid"]))
    if login is None or login.member_id != claims["id"]:
        raise InvalidToken("its session has ended")
    if login.seen_at < clock.now() - sessions.SEEN_EVERY:
        with transaction() as session:
            sessions.touch(session, login.session_id)
    return login, {claim: claims[claim] for claim in CLAIMS}


def invalid() -> BadRequest:
    """What is said of a token that is not good (Memberstack's own code)."""
    return BadRequest("INVALID_TOKEN", "This is not a valid member session token, or it is over.")


def _issuer() -> str:
    settings: Settings = current_app.extensions["msidp_settings"]
    return settings.member_token_issuer
