"""Passkeys and second factors in a real browser, its authenticator a virtual one (WebAuthn, section 11)."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from tests.accounts.factors.support import ADA, PASSWORD, code
from tests.support.browser import Phone, tab

from msidp import db
from msidp.accounts.factors.models import AuthenticatorApp, Passkey
from msidp.accounts.models import Session
from msidp.audit.models import AuditEntry
from msidp.communities import service as communities
from msidp.settings import Settings
from msidp.vault.fields import cipher

# What a browser does not depend on the kind of database.
pytestmark = pytest.mark.database("sqlite")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Browsers have passkeys for names alone, and http for this one."""
    return settings.model_copy(update={"base_url": settings.base_url.replace("127.0.0.1", "localhost")})


@pytest.fixture
def site(app: Flask, base_url: str) -> str:
    with db.transaction() as session:
        communities.ensure_default(session).name = "Riverside Makers"
    return base_url


def sign_up(page: Page) -> None:
    page.goto("/signup")
    page.get_by_label("Email address").fill(ADA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/account")


def sign_out(page: Page) -> None:
    page.goto("/logout")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("You are signed out").wait_for()


def add_passkey(page: Page, name: str = "My phone") -> None:
    page.goto("/account/passkeys")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create the passkey").click()
    page.wait_for_url("**/account/passkeys")
    page.locator("strong", has_text=name).wait_for()


def methods() -> list[str]:
    with db.reading() as session:
        return session.scalars(select(Session.methods).order_by(Session.seq.desc())).first() or []


def audited(action: str) -> int:
    with db.reading() as session:
        return len(session.scalars(select(AuditEntry).where(AuditEntry.action == action)).all())


def test_the_life_of_a_passkey(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        authenticator = Phone(page)
        sign_up(page)
        add_passkey(page)
        with db.reading() as session:
            [made] = session.scalars(select(Passkey)).all()
        [credential] = authenticator.credentials()
        assert (credential["isResidentCredential"], credential["rpId"]) == (True, "localhost")

        # Without a name: the page asks as soon as it is open, and the person only has to agree.
        sign_out(page)
        authenticator.answers(False)
        page.goto("/login")
        assert page.get_by_label("Email address").get_attribute("autocomplete") == "username webauthn"
        authenticator.answers(True)
        page.goto("/login?next=/account/passkeys")
        page.wait_for_url(f"{site}/account/passkeys")
        assert methods() == ["hwk", "user", "uv"]
        page.get_by_text("last used").wait_for()

        # By its button, too; and there is one passkey a device.
        sign_out(page)
        authenticator.recognises(False)
        page.goto("/login")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.get_by_text("No passkey was used").wait_for()
        authenticator.recognises(True)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url("**/account")
        page.goto("/account/passkeys/new")
        page.get_by_role("button", name="Create the passkey").click()
        page.get_by_text("has a passkey for your account already").wait_for()

        # A copy whose counter stands still is refused.
        sign_out(page)
        authenticator.set_counter(1)
        page.goto("/login")
        page.wait_for_selector("[role=alert]")
        assert page.title().startswith("Error: Sign in")
        assert audited("passkey.refused") == 1

        # With a name of its own, and gone.
        page.get_by_label("Email address").fill(ADA)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/account")
        page.goto("/account/passkeys")
        page.get_by_text("Change").click()
        page.get_by_label("Name").fill("Ada's phone")
        page.get_by_role("button", name="Rename").click()
        page.locator("strong", has_text="Ada's phone").wait_for()
        page.get_by_text("Change").click()
        page.get_by_role("button", name="Remove").click()
        page.locator("strong", has_text="Ada's phone").wait_for(state="detached")
        sign_out(page)
        authenticator.answers(True)
        page.goto("/login")
        page.wait_for_selector("[role=alert]")
        assert audited("passkey.added") == audited("passkey.removed") == 1
        assert made.sign_count < 5


def test_the_second_step_is_taken_by_either_factor(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        phone = Phone(page)
        sign_up(page)
        add_passkey(page)
        page.goto("/account/two-factor")
        page.get_by_role("button", name="Set up").click()
        page.wait_for_selector("img.qr")
        page.get_by_label("Code").fill(code(secret_of_ada(), -1))
        page.get_by_role("button", name="Switch on").click()
        page.get_by_role("heading", name="Keep these recovery codes").wait_for()
        for expected in (["hwk", "user", "uv"], ["pwd", "otp"]):
            sign_out(page)
            phone.answers(False)
            page.goto("/login")
            page.get_by_label("Email address").fill(ADA)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.get_by_role("button", name="Use your passkey").wait_for()
            if "hwk" in expected:
                phone.answers(True)
                page.get_by_role("button", name="Use your passkey").click()
            else:
                page.get_by_label("Code").fill(code(secret_of_ada()))
                page.keyboard.press("Enter")
            page.wait_for_url(f"{site}/account")
            assert methods() == expected


def secret_of_ada() -> str:
    with db.reading() as session:
        app = session.scalars(select(AuthenticatorApp)).one()
    return cipher().open(app.sealed_secret, f"authenticator_app:{app.member_id}")
