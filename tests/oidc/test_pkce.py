"""PKCE as pure functions."""

import re

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from hypothesis import given
from hypothesis import strategies as st

from msidp.oidc import pkce

verifiers = st.from_regex(re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII), fullmatch=True)


def test_the_specification_s_example() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(verifiers)
def test_a_verifier_proves_its_own_challenge(verifier: str) -> None:
    challenge = create_s256_code_challenge(verifier)
    assert pkce.is_challenge(challenge)
    assert pkce.proves(verifier, challenge)


@given(verifiers, verifiers)
def test_it_proves_no_other(one: str, other: str) -> None:
    assert pkce.proves(one, pkce.challenge_of(other)) == (one == other)
    assert not pkce.proves(one, None)
    assert not pkce.proves(None, pkce.challenge_of(other))


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert not pkce.proves(text, pkce.challenge_of("a" * 43)) or text == "a" * 43
    assert isinstance(pkce.is_challenge(text), bool)


@pytest.mark.parametrize("tail", ["\n", " ", "=", "\0", "ü", "/", "+"])
def test_a_tail_spoils_a_verifier(tail: str) -> None:
    verifier = "a" * 43
    assert not pkce.proves(verifier + tail, pkce.challenge_of(verifier))


@pytest.mark.parametrize("length", [0, 42, 129])
def test_verifiers_have_their_length(length: int) -> None:
    verifier = "a" * length
    assert not pkce.proves(verifier, pkce.challenge_of(verifier))


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "\n", "a" * 42 + "+"])
def test_what_is_no_challenge(text: str) -> None:
    assert not pkce.is_challenge(text)
