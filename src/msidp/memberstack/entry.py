"""Ways into a session from a site's own forms. Each proves somebody, and returns the answer to a log-in.

A password is hashed before the transaction, and a token signed after it: neither holds a connection.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from msidp.accounts import assurance, credentials, service, signin, strength, throttle, trail
from msidp.accounts.mailed import addresses, asking, sign_in, sign_up
from msidp.communities.service import Site
from msidp.db import reading, transaction
from msidp.errors import Conflict, Forbidden, Invalid, Unauthorized
from msidp.keys.keyring import keyring
from msidp.members import service as members
from msidp.members.emails import Email, normalise
from msidp.members.models import Member
from msidp.members.views import member_json
from msidp.memberstack import schemas, tokens
from msidp.memberstack.views import auth_json
from msidp.vault.passwords import hash_password
from msidp.words import words


def by_password(site: Site, sent: schemas.Credentials) -> dict[str, Any]:
    """Raises Unauthorized (`invalid-credentials`), Forbidden, TooManyRequests, Busy."""
    with _trying_a_password(site, sent.email) as attempt:
        proof = credentials.prove(site.community_id, sent.email, sent.password)
        if proof is None:
            attempt.failed()
            trail.refused("password.refused", sent.email)
            raise wrong_credentials()
    found = _let_in(site, lambda session: service.redeem(session, proof), assurance.PASSWORD)
    if found is None:
        raise wrong_credentials()
    return found


def by_mailed_code(site: Site, sent: schemas.PasswordlessLogin) -> dict[str, Any]:
    """Raises Unauthorized (`invalid-passwordless-login-code`), Forbidden, TooManyRequests."""
    email = _address(sent.email)

    def proved(session: Session) -> Member | None:
        return sign_in.by_code(session, asking.by_address(email).secret, sent.passwordless_token)

    with _trying_a_code(email) as attempt:
        return _let_in_by_code(site, email, proved, attempt)


def by_sign_up(site: Site, sent: schemas.SignUp) -> dict[str, Any]:
    """Make an account, and let its member in.

    Raises Conflict (`email-already-in-use`), Forbidden where the address is to be proved first, Invalid,
    NotFound (`plan-not-found`), Unauthorized, TooManyRequests, Busy.
    """
    email = normalise(sent.email)
    if sent.passwordless_token is not None:
        return _sign_up_by_code(site, email, sent.passwordless_token, sent)
    if sent.password is None:
        raise Invalid("required-field-missing", "Send a `password`, or the `passwordlessToken` of a mail.")
    if asking.settings().sign_up_proof:
        message = words("An address has to be confirmed before an account is made: ask for a code by mail.")
        raise Forbidden("email-proof-required", message)
    return _sign_up_by_password(site, email, sent.password, sent)


def wrong_credentials() -> Unauthorized:
    """What is said of an address and a password that do not go together, whichever of them is wrong."""
    return Unauthorized("invalid-credentials", words("The email address or the password is wrong."))


def _sign_up_by_password(site: Site, email: Email, password: str, sent: schemas.SignUp) -> dict[str, Any]:
    """An address that is taken counts as a failure: whoever tries many, to see which are, is stopped."""
    with _trying_a_password(site, sent.email) as attempt:
        try:
            with reading() as session:
                if members.find_by_email(session, site.community_id, email.address) is not None:
                    raise members.taken()
            password_hash = _hash(email, password)

            def made(session: Session) -> Member:
                member = _create(session, site, email, sent, password_hash)
                addresses.ask_for_proof(session, member)
                return member

            found = _let_in(site, made, assurance.PASSWORD)
            assert found is not None  # noqa: S101  # somebody was made
            return found
        except Conflict:
            attempt.failed()
            raise


def _sign_up_by_code(site: Site, email: Email, code: str, sent: schemas.SignUp) -> dict[str, Any]:
    with _trying_a_code(email) as attempt:
        password_hash = _hash(email, sent.password) if sent.password is not None else None

        def proved(session: Session) -> Member | None:
            if sign_up.by_code(session, asking.by_address(email).secret, code) is None:
                return None
            return _create(session, site, email, sent, password_hash, verified=True)

        return _let_in_by_code(site, email, proved, attempt)


def _hash(email: Email, password: str) -> str:
    """Raises Invalid for a password that is soon guessed, Busy. It takes time: a throttle goes before it."""
    strength.check_new(password, (email.address,))
    return hash_password(password)


def _create(
    session: Session,
    site: Site,
    email: Email,
    sent: schemas.SignUp,
    password_hash: str | None,
    *,
    verified: bool = False,
) -> Member:
    return members.create_member(
        session,
        site.community_id,
        email=email.address,
        password_hash=password_hash,
        verified=verified,
        custom_fields=sent.custom_fields,
        meta_data=sent.meta_data,
        plan_ids=[plan.plan_id for plan in sent.plans or ()],
    )


def _let_in_by_code(
    site: Site, email: Email, proved: Callable[[Session], Member | None], attempt: throttle.Attempt
) -> dict[str, Any]:
    """Let in whom a mailed code proves. A wrong one costs a try, so that its transaction is kept."""
    found = _let_in(site, proved, assurance.MAILED_CODE)
    if found is None:
        attempt.failed()
        trail.refused("mailed_code.refused", email.address)
        raise _wrong_code()
    return found


def _let_in(
    site: Site, proved: Callable[[Session], Member | None], methods: tuple[str, ...]
) -> dict[str, Any] | None:
    """Begin the session of whom this finds; None for nobody."""
    keyring().prepare()
    with transaction() as session:
        member = proved(session)
        if member is None:
            return None
        login = signin.let_in(session, member, methods)
        seen = member_json(member)
    return auth_json(seen, tokens.issue(site, login))


def _trying_a_password(site: Site, email: str) -> AbstractContextManager[throttle.Attempt]:
    return throttle.attempt(throttle.password_limits(site.community_id, email, request.remote_addr))


def _trying_a_code(email: Email) -> AbstractContextManager[throttle.Attempt]:
    limits = throttle.mailed_code_limits(asking.account_key(email), request.remote_addr)
    return throttle.attempt(limits)


def _address(text: str) -> Email:
    """The address that a code was asked for. No code is right for one that cannot be."""
    try:
        return normalise(text)
    except Invalid:
        raise _wrong_code() from None


def _wrong_code() -> Unauthorized:
    return Unauthorized("invalid-passwordless-login-code", words("This code is wrong, or no longer good."))
