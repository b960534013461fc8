"""In which browser a request came, where any program on the member's device could have made it.

A program can ask for a request by itself, keep the address that it waits at, and open that in the member's
browser once they have logged in for something else. Such a log-in was not made for the request.
"""

import hmac

from msidp import ids
from msidp.accounts.browser import read_cookie, send_cookie
from msidp.oidc import lifetimes
from msidp.oidc.authorize.request import AuthorizeRequest

COOKIE = "asking"


def note(asked: AuthorizeRequest) -> None:
    """Note that the request came in this browser."""
    token = read_cookie(COOKIE) or ids.new_token()
    send_cookie(COOKIE, token, lifetimes.AUTHORIZATION_REQUEST)
    asked.browser = ids.hash_token(token)


def is_here(asked: AuthorizeRequest) -> bool:
    """Whether the request came in this browser."""
    return asked.browser is not None and hmac.compare_digest(
        ids.hash_token(read_cookie(COOKIE) or ""), asked.browser
    )
