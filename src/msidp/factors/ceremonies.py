"""The hidden forms through which `passkeys.js` brings a passkey's answer back."""

from dataclasses import dataclass
from typing import Any, Self

from flask import current_app, request
from flask import session as form_session

from msidp import ids
from msidp.branding.current import current_brand
from msidp.db import reading, transaction
from msidp.errors import BadRequest, NotFound
from msidp.factors.challenges import Challenges
from msidp.factors.passkeys import Account, Passkeys, Site
from msidp.settings import Settings
from msidp.words import words


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
            raise BadRequest(
                "passkey-expired", words("The page had been open for too long. Please try again.")
            )
        return challenge


@dataclass(frozen=True, slots=True)
class Ceremonies:
    """What pages ask browsers for, for one `kind` of account: its challenges are good for no other."""

    passkeys: Passkeys[Any]
    kind: str

    def to_sign_in(self, owner_id: str | None = None) -> Ceremony | None:
        """Ask for any passkey, or for one of this account's. None where there can be none."""
        here = site()
        if here is None:
            return None
        challenge = _challenges().make(self.signing_in, _browser())
        with reading() as session:
            options = self.passkeys.request_options(session, here, challenge.value, owner_id)
        return Ceremony(options, challenge.state)

    def to_create(self, account: Account) -> Ceremony:
        """Ask for a new passkey. Raises NotFound where there can be none."""
        here = required_site()
        challenge = _challenges().make(self.creation_of(account.id), _browser())
        brand = current_brand()
        name = brand.name if brand else here.rp_id
        with reading() as session:
            options = self.passkeys.creation_options(session, here, name, account, challenge.value)
        return Ceremony(options, challenge.state)

    @property
    def signing_in(self) -> str:
        """The purpose of a challenge to sign in."""
        return f"{self.kind} sign in"

    def creation_of(self, owner_id: str) -> str:
        """The purpose of a challenge for a new passkey."""
        return f"{self.kind} create {owner_id}"


def site() -> Site | None:
    """This site as WebAuthn sees it; None where it cannot have passkeys."""
    return Site.at(_settings().base_url)


def required_site() -> Site:
    """The same. Raises NotFound where it cannot have passkeys."""
    here = site()
    if here is None:
        raise NotFound("no-passkeys", words("This site’s address is none that browsers keep passkeys for."))
    return here


def _browser() -> str:
    """The secret that binds challenges to this browser, in the signed cookie. A log-in renews it."""
    secret: str = form_session.setdefault("browser", ids.new_token())
    return secret


def _challenges() -> Challenges:
    return Challenges(_settings().secret_keys)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["msidp_settings"]
    return settings
