"""Passkeys: discoverable credentials (Web Authentication, Level 3) that verify who holds them."""

import ipaddress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
import webauthn
from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from msidp import canonical, clock, ids
from msidp.accounts import assurance
from msidp.accounts.factors.models import Passkey
from msidp.db import insert_new
from msidp.errors import Conflict, Invalid, NotFound, Unauthorized
from msidp.members.models import Member
from msidp.members.views import display_name

MAX_PASSKEYS = 20  # of one member
MAX_NAME = 60
_MAX_ID = 1364  # base64url characters of the 1,023 bytes that a credential's id may have
_TRANSPORTS = {"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}
_TIMEOUT = 5 * clock.MINUTE

log = structlog.get_logger(__name__)


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
class Used:
    """A good signature: whose, by which passkey, and the counter it came with."""

    passkey_id: str
    member_id: str
    sign_count: int
    methods: tuple[str, ...]


def creation_options(session: Session, site: Site, name: str, member: Member, challenge: bytes) -> str:
    """What the browser is to make, as JSON. The member's other passkeys are named: one a device is enough."""
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=name,
        user_id=member.id.encode(),
        user_name=member.email,
        user_display_name=display_name(member),
        challenge=challenge,
        timeout=_TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(session, member.id),
    )
    return webauthn.options_to_json(options)


def request_options(session: Session, site: Site, challenge: bytes, member_id: str | None = None) -> str:
    """What the browser is to sign, as JSON: by any passkey for this site, or by one of the member's."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        timeout=_TIMEOUT,
        allow_credentials=_descriptors(session, member_id) if member_id else [],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def register(
    session: Session, site: Site, member_id: str, challenge: bytes, credential: str, name: str
) -> Passkey:
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
        raise Invalid("passkey-refused", "Your device's answer cannot be used. Please try again.") from None
    if count(session, member_id) >= MAX_PASSKEYS:
        raise Conflict("too-many-passkeys", f"An account has at most {MAX_PASSKEYS} passkeys.")
    credential_id = bytes_to_base64url(made.credential_id)
    values = {
        "id": ids.new_id("psk"),
        "member_id": member_id,
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
        key = insert_new(session, Passkey, values, unique=("credential_id",))
    if key is None:
        raise Conflict("passkey-known", "This passkey is in use already.")
    return Passkey(seq=key[0], **values)


def verify(session: Session, site: Site, challenge: bytes, credential: str, known_member: str | None) -> Used:
    """Check a signature. Raises Unauthorized for one that is not good, in the same words whatever it lacks.

    The authenticator says whose passkey it is; it may leave that out where the page knew (section 7.2, step
    6): `known_member`.
    """
    try:
        answer = canonical.loads(credential.encode())
        passkey = session.scalars(select(Passkey).where(Passkey.credential_id == answer["id"])).one()
        handle = answer["response"].get("userHandle")
        owner = known_member if handle is None else base64url_to_bytes(handle).decode()
        if owner != passkey.member_id:
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
    methods = assurance.passkey(synced=passkey.synced, verified=done.user_verified)
    return Used(passkey.id, passkey.member_id, done.new_sign_count, methods)


def count_use(session: Session, used: Used) -> bool:
    """Note the use; false where the counter has not moved on.

    A counter that stands still or runs back is a sign that the passkey was copied (section 6.1.1), and the
    log-in is refused. Synced passkeys have no counter: they always say 0.
    """
    moved = Passkey.sign_count < used.sign_count
    if used.sign_count == 0:
        moved = Passkey.sign_count == 0
    done = session.execute(
        update(Passkey)
        .where(Passkey.id == used.passkey_id, moved)
        .values(sign_count=used.sign_count, used_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", done).rowcount == 1


def refused() -> Unauthorized:
    """What is said of a passkey that does not let in."""
    return Unauthorized("passkey-refused", "This passkey cannot be used here, or the page was open too long.")


def list_of(session: Session, member_id: str) -> list[Passkey]:
    """The member's passkeys, oldest first."""
    return list(session.scalars(select(Passkey).where(Passkey.member_id == member_id).order_by(Passkey.seq)))


def count(session: Session, member_id: str) -> int:
    """How many passkeys the member has."""
    statement = select(func.count()).select_from(Passkey).where(Passkey.member_id == member_id)
    return session.scalar(statement) or 0


def rename(session: Session, member_id: str, passkey_id: str, name: str) -> None:
    """Call a passkey otherwise. Raises NotFound, Invalid."""
    statement = update(Passkey).where(Passkey.id == passkey_id, Passkey.member_id == member_id)
    done = session.execute(statement.values(name=check_name(name)).returning(Passkey.id))
    if done.one_or_none() is None:
        raise _unknown()


def remove(session: Session, member_id: str, passkey_id: str) -> None:
    """Let a passkey in no more. Raises NotFound."""
    statement = delete(Passkey).where(Passkey.id == passkey_id, Passkey.member_id == member_id)
    if session.execute(statement.returning(Passkey.id)).one_or_none() is None:
        raise _unknown()


def check_name(name: str) -> str:
    """The name in its plain form. Raises Invalid."""
    plain = " ".join(name.split())
    if not plain or len(plain) > MAX_NAME or not plain.isprintable():
        message = f"Give the passkey a name of at most {MAX_NAME} characters."
        raise Invalid("invalid", message, details=[{"field": "name", "message": message}])
    return plain


def _descriptors(session: Session, member_id: str) -> list[PublicKeyCredentialDescriptor]:
    rows = session.scalars(select(Passkey.credential_id).where(Passkey.member_id == member_id))
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(credential_id)) for credential_id in rows]


def _unknown() -> NotFound:
    return NotFound("passkey-not-found", "You have no such passkey.")
