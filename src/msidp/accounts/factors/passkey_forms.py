"""The hidden forms through which `passkeys.js` brings a passkey's answer back."""

from dataclasses import dataclass
from typing import Self

from flask import current_app, request
from flask import session as form_session

from msidp import ids
from msidp.accounts.factors import passkeys
from msidp.accounts.factors.challenges import Challenges
from msidp.accounts.factors.passkeys import Site
from msidp.communities.branding import current_brand
from msidp.db import reading, transaction
from msidp.errors import BadRequest
from msidp.members.models import Member
from msidp.settings import Settings

SIGN_IN = "sign in"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a page asks the browser for: WebAuthn's options as JSON, and the state that comes back."""

    options: str
    state: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The browser's answer: the credential as JSON, and the state as the page gave it."""

    credential: str
    state: str

    @classmethod
    def sent(cls) -> Self:
        """The form of the present request."""
        return cls(request.form.get("credential", ""), request.form.get("state", ""))

    def take_challenge(self, purpose: str) -> bytes:
        """The challenge that was answered, which from now on is spent. Raises BadRequest."""
        with transaction() as session:
            challenge = _challenges().take(session, self.state, purpose, _browser())
        if challenge is None:
            raise BadRequest("passkey-expired", "The page had been open for too long. Please try again.")
        return challenge


def site() -> Site | None:
    """This site as WebAuthn sees it; None where it cannot have passkeys."""
    return Site.at(_settings().base_url)


def to_sign_in(member_id: str | None = None) -> Ceremony | None:
    """Ask for any passkey, or for one of this member's. None where there can be none."""
    here = site()
    if here is None:
        return None
    challenge = _challenges().make(SIGN_IN, _browser())
    with reading() as session:
        options = passkeys.request_options(session, here, challenge.value, member_id)
    return Ceremony(options, challenge.state)


def to_create(here: Site, member: Member) -> Ceremony:
    """Ask for a new passkey of this member's."""
    challenge = _challenges().make(creation_of(member), _browser())
    brand = current_brand()
    with reading() as session:
        options = passkeys.creation_options(
            session, here, brand.name if brand else here.rp_id, member, challenge.value
        )
    return Ceremony(options, challenge.state)


def creation_of(member: Member) -> str:
    """The purpose of a challenge for a new passkey."""
    return f"create {member.id}"


def _browser() -> str:
    """The secret that binds challenges to this browser, in the signed cookie. A log-in renews it."""
    secret: str = form_session.setdefault("browser", ids.new_token())
    return secret


def _challenges() -> Challenges:
    return Challenges(_settings().secret_keys)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["msidp_settings"]
    return settings
