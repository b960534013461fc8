"""What the pages that send mail share: who asks, how often, and what a link that is no longer good shows."""

import hmac
from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from msidp import clock, ids, web
from msidp.accounts import throttle
from msidp.accounts.browser import read_cookie, send_cookie
from msidp.accounts.continuation import resolve
from msidp.accounts.mailed.tokens import Asker, Held
from msidp.accounts.pages import next_path, page
from msidp.communities.guard import default_community_id
from msidp.errors import Gone
from msidp.members.emails import Email
from msidp.settings import Settings
from msidp.words import words

COOKIE = "mailed"
_MAX_TOKEN = 100


def asker() -> Asker:
    """This request's browser, by the secret in its cookie, which is made where there is none."""
    secret = read_cookie(COOKIE) or ids.new_token()
    send_cookie(COOKIE, secret, clock.DAY)
    return Asker(secret, next_path())


def by_address(email: Email) -> Asker:
    """Who asks for a code where there is no cookie: told by the address, and by what is secret here."""
    key = settings().secret_keys[0].encode()
    return Asker(hmac.digest(key, f"mailed code for {account_key(email)}".encode(), "sha256").hex())


def count_mail(email: Email) -> None:
    """Count a mail to this address, asked for from here. Raises TooManyRequests."""
    throttle.take(throttle.mail_limits(account_key(email), request.remote_addr))


def account_key(email: Email) -> str:
    """What an account is counted by, whether or not it exists."""
    return f"{default_community_id()} {email.key}"


def token() -> str:
    """The token that the link or the form of this request carries."""
    return request.values.get("token", "")[:_MAX_TOKEN]


def frame(held: Held) -> dict[str, Any]:
    """What the page behind a link knows. It leads on only in the browser that asked.

    Elsewhere the application that waits could be somebody else's, who asked for a mail to this member.
    """
    secret = read_cookie(COOKIE)
    next_ = held.next if secret and Asker(secret).is_the_one(held) else None
    ahead = resolve(next_)
    if ahead:
        web.let_forms_lead_away()
    return {"token": token(), "email": held.email.address, "next": next_, "ahead": ahead}


def gone_page(gone: Gone, again: str, words: str) -> Response:
    """The page for a link that is no longer good; `again` is where another one comes from."""
    content = page("link_gone", message=gone.message, again=again, words=words)
    return current_app.make_response((content, gone.status))


def gone() -> Gone:
    """What is wrong with such a link."""
    return Gone("link-gone", words("This link was used already, or is too old."))


def settings() -> Settings:
    found: Settings = current_app.extensions["msidp_settings"]
    return found
