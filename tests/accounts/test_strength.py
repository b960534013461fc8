"""Which new passwords are refused."""

import contextlib
import time

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msidp.accounts import strength
from msidp.errors import Invalid


@pytest.mark.parametrize(
    "password",
    ["password", "Passw0rd!", "12345678", "qwertyuiop", "Passwort1", "motdepasse1", "contraseña1",
     "aaaaaaaaaa", "abcdefgh", "iloveyou2", "20012001", "Willkommen1!", "ada@example.com", "lovelace",
     "Lovelace1"],
)  # fmt: skip
def test_what_is_guessed_early(password: str) -> None:
    with pytest.raises(Invalid, match="guesser"):
        strength.check_new(password, ("ada@example.com", "Ada Lovelace"))


@pytest.mark.parametrize(
    "password",
    ["correct horse", "vier bunte Vögel", "plötzlich-regnet-es", "Kx8#mQ2$", "x" * 8 + "jk4!wq",
     "密码学很有意思吗", "🐴🔋📎✅ battery", "@({[<&#!/|\\$+%"],
)  # fmt: skip
def test_what_is_not(password: str) -> None:
    strength.check_new(password, ("ada@example.com", "Ada Lovelace"))


@pytest.mark.parametrize("length", [8, 128, 256])
def test_length_alone_is_no_matter(length: int) -> None:
    strength.check_new(("mauve tapir juggles quietly " * 10)[:length].replace("mauve ta", "mauv3 tq"))


@pytest.mark.parametrize("password", ["short", "x" * 257, "nul\0nul\0nul"])
def test_what_cannot_be_a_password_at_all(password: str) -> None:
    with pytest.raises(Invalid):
        strength.check_new(password)


def test_one_form_for_what_devices_compose_differently() -> None:
    composed, decomposed = "contrase\u00f1a1", "contrasen\u0303a1"
    assert strength.guesses(composed) == strength.guesses(decomposed)


def test_what_somebody_is_known_by_does_not_leak_to_the_next() -> None:
    assert strength.guesses("xylograph quince", ["xylograph quince"]) < 10
    assert strength.guesses("xylograph quince") > strength.TOO_FEW_GUESSES


def test_no_password_takes_long() -> None:
    """The worst that was found: many characters that could stand for letters."""
    for base in ("4@8({<e639!1l|0$5+7%2", "4861057932@(!$+", "4386@(!$+", "a@b(c{d[e<"):
        begun = time.process_time()
        strength.guesses((base * 30)[:256])
        assert time.process_time() - begun < 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(password=st.text(max_size=80), known=st.lists(st.text(max_size=20), max_size=3))
def test_any_text(password: str, known: list[str]) -> None:
    with contextlib.suppress(Invalid):
        strength.check_new(password, known)


def test_the_sign_up_page_says_so(app: Flask) -> None:
    from tests.accounts.test_abuse import post

    answer = post(app.test_client(), "/signup", email="ada@example.com", password="ada@example.com")
    assert answer.status_code == 422
    assert "among the first that a guesser would try" in answer.text
