"""Who may see a member's own pages: its member, and for what is grave one who logged in just now."""

from flask import abort, redirect

from msidp import clock
from msidp.accounts.browser import Login, current_login, current_member, login_url
from msidp.members.models import Member

FRESH = 10 * clock.MINUTE  # how long a log-in is good for what could be turned against the member


def require_member(next_: str) -> Member:
    """The member who is logged in. Anybody else is sent to log in, and on to `next_`."""
    member = current_member()
    if member is None:
        abort(redirect(login_url(next_), 303))
    return member


def require_fresh(next_: str) -> Member:
    """The same, where the log-in is fresh; else the member is asked to log in again, and led to `next_`."""
    member = require_member(next_)
    if not is_fresh(current_login()):
        abort(redirect(login_url(next_, again=True), 303))
    return member


def is_fresh(login: Login | None) -> bool:
    """Whether this log-in was made just now."""
    return login is not None and login.authenticated_at > clock.now() - FRESH
