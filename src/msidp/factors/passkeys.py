"""Passkeys: discoverable credentials (Web Authentication, Level 3) that verify who holds them."""

import ipaddress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

import structlog
import webauthn
from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from msidp import canonical, clock, ids
from msidp.errors import Conflict, Invalid, NotFound, Unauthorized
from msidp.factors.models import PasskeyColumns
from msidp.statements import insert_new
from msidp.words import words

MAX_PASSKEYS = 20  # of one account
MAX_NAME = 60
_MAX_ID = 1364  # base64url characters of the 1,023 bytes that a credential's id may have
_TRANSPORTS = {"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}
_TIMEOUT = 5 * clock.MINUTE

log = structlog.get_logger(__name__)

Row = TypeVar("Row", bound=PasskeyColumns)


@dataclass(frozen=True, slots=True)
class Site:
    """The relying party, as WebAuthn sees it."""

    rp_id: str
    origin: str

    @classmethod
    def at(cls, base_url: str) -> "Site | None":
        """The site with this base URL; None where browsers do no WebAuthn: without https, or without a name.

        http://localhost is the exception they make.
        """
        parts = urlsplit(base_url)
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" and host != "localhost":
            return None
        try:
            ipaddress.ip_address(host)
        except ValueError:
            port = (
                f":{parts.port}" if parts.port not in (None, 443 if parts.scheme == "https" else 80) else ""
            )
            return cls(host, f"{parts.scheme}://{host}{port}")
        return None


@dataclass(frozen=True, slots=True)
class Account:
    """For whom a passkey is made: what the authenticator keeps of them."""

    id: str
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Used:
    """A good signature: whose, by which passkey, and the counter it came with."""

    passkey_id: str
    owner_id: str
    sign_count: int
    synced: bool
    verified: bool


class Passkeys(Generic[Row]):
    """The passkeys of one kind of account."""

    def __init__(self, model: type[Row], owner: InstrumentedAttribute[str]) -> None:
        """`owner` is the table's column that says whose a passkey is."""
        self._model, self._owner = model, owner

    def creation_options(
        self, session: Session, site: Site, name: str, account: Account, challenge: bytes
    ) -> str:
        """What the browser is to make, as JSON. The account's other passkeys are named: one a device will do.

        `name` is the site's.
        """
        options = webauthn.generate_registration_options(
            rp_id=site.rp_id,
            rp_name=name,
            user_id=account.id.encode(),
            user_name=account.name,
            user_display_name=account.display_name,
            challenge=challenge,
            timeout=_TIMEOUT,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=self._descriptors(session, account.id),
        )
        return webauthn.options_to_json(options)

    def request_options(
        self, session: Session, site: Site, challenge: bytes, owner_id: str | None = None
    ) -> str:
        """What the browser is to sign, as JSON: by any passkey for this site, or by one of this account's."""
        options = webauthn.generate_authentication_options(
            rp_id=site.rp_id,
            challenge=challenge,
            timeout=_TIMEOUT,
            allow_credentials=self._descriptors(session, owner_id) if owner_id else [],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options)

    def register(
        self, session: Session, site: Site, owner_id: str, challenge: bytes, credential: str, name: str
    ) -> Row:
        """Keep the passkey that the browser has made. Raises Invalid, Conflict."""
        try:
            answer = canonical.loads(credential.encode())
            made = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
            )
            transports = [each for each in answer["response"].get("transports") or [] if each in _TRANSPORTS]
        except Exception as error:  # noqa: BLE001  # a hostile answer breaks in many places of the parsers
            log.info("a new passkey was refused", error=repr(error)[:200])
            raise Invalid(
                "passkey-refused", words("Your device’s answer cannot be used. Please try again.")
            ) from None
        if self.count(session, owner_id) >= MAX_PASSKEYS:
            raise Conflict(
                "too-many-passkeys", words("An account has at most %(limit)d passkeys.", limit=MAX_PASSKEYS)
            )
        credential_id = bytes_to_base64url(made.credential_id)
        values = {
            "id": ids.new_id("psk"),
            self._owner.key: owner_id,
            "credential_id": credential_id,
            "public_key": made.credential_public_key,
            "sign_count": made.sign_count,
            "synced": made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
            "transports": list(dict.fromkeys(transports)),
            "name": check_name(name),
            "created_at": clock.now(),
            "used_at": None,
        }
        key = None
        if len(credential_id) <= _MAX_ID:
            key = insert_new(session, self._model, values, unique=("credential_id",))
        if key is None:
            raise Conflict("passkey-known", words("This passkey is in use already."))
        return self._model(seq=key[0], **values)

    def verify(
        self, session: Session, site: Site, challenge: bytes, credential: str, known: str | None
    ) -> Used:
        """Check a signature. Raises Unauthorized for one that is not good, in the same words always.

        The authenticator says whose passkey it is; it may leave that out where the page knew (section 7.2,
        step 6): `known`.
        """
        try:
            answer = canonical.loads(credential.encode())
            passkey = session.scalars(
                select(self._model).where(self._model.credential_id == answer["id"])
            ).one()
            handle = answer["response"].get("userHandle")
            owner: str = getattr(passkey, self._owner.key)
            if owner != (known if handle is None else base64url_to_bytes(handle).decode()):
                raise ValueError("the user handle is not the owner's")
            done = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=0,  # the counter is looked at when it is written
                require_user_verification=True,
            )
        except Exception as error:  # noqa: BLE001  # a hostile answer breaks in many places of the parsers
            log.info("a passkey was refused", error=repr(error)[:200])
            raise refused() from None
        return Used(passkey.id, owner, done.new_sign_count, passkey.synced, done.user_verified)

    def count_use(self, session: Session, used: Used) -> bool:
        """Note the use; false where the counter has not moved on.

        A counter that stands still or runs back is a sign that the passkey was copied (section 6.1.1), and
        the log-in is refused. Synced passkeys have no counter: they always say 0.
        """
        moved = self._model.sign_count < used.sign_count
        if used.sign_count == 0:
            moved = self._model.sign_count == 0
        done = session.execute(
            update(self._model)
            .where(self._model.id == used.passkey_id, moved)
            .values(sign_count=used.sign_count, used_at=clock.now())
            .execution_options(synchronize_session=False)
        )
        return cast("CursorResult[Any]", done).rowcount == 1

    def list_of(self, session: Session, owner_id: str) -> list[Row]:
        """The account's passkeys, oldest first."""
        return list(
            session.scalars(select(self._model).where(self._owner == owner_id).order_by(self._model.seq))
        )

    def count(self, session: Session, owner_id: str) -> int:
        """How many passkeys the account has."""
        statement = select(func.count()).select_from(self._model).where(self._owner == owner_id)
        return session.scalar(statement) or 0

    def rename(self, session: Session, owner_id: str, passkey_id: str, name: str) -> None:
        """Call a passkey otherwise. Raises NotFound, Invalid."""
        statement = update(self._model).where(self._model.id == passkey_id, self._owner == owner_id)
        done = session.execute(statement.values(name=check_name(name)).returning(self._model.id))
        if done.one_or_none() is None:
            raise _unknown()

    def remove(self, session: Session, owner_id: str, passkey_id: str) -> None:
        """Let a passkey in no more. Raises NotFound."""
        statement = delete(self._model).where(self._model.id == passkey_id, self._owner == owner_id)
        if session.execute(statement.returning(self._model.id)).one_or_none() is None:
            raise _unknown()

    def _descriptors(self, session: Session, owner_id: str) -> list[PublicKeyCredentialDescriptor]:
        rows = session.scalars(select(self._model.credential_id).where(self._owner == owner_id))
        return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(credential_id)) for credential_id in rows]


def refused() -> Unauthorized:
    """What is said of a passkey that does not let in."""
    return Unauthorized(
        "passkey-refused", words("This passkey cannot be used here, or the page was open too long.")
    )


def check_name(name: str) -> str:
    """The name in its plain form. Raises Invalid."""
    plain = " ".join(name.split())
    if not plain or len(plain) > MAX_NAME or not plain.isprintable():
        message = words("Give the passkey a name of at most %(limit)d characters.", limit=MAX_NAME)
        raise Invalid("invalid", message, details=[{"field": "name", "message": message}])
    return plain


def _unknown() -> NotFound:
    return NotFound("passkey-not-found", words("You have no such passkey."))
