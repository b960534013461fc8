"""What methods amount to: `amr` and `acr`."""

from itertools import combinations

import pytest

from msidp.accounts import assurance
from msidp.accounts.assurance import ACRS, ONE_FACTOR, PHISHING_RESISTANT, TWO_FACTORS, passkey

VERIFIED = passkey(synced=True, verified=True)
TOUCHED = passkey(synced=False, verified=False)


@pytest.mark.parametrize(
    ("methods", "acr", "amr"),
    [
        (("pwd",), ONE_FACTOR, ["pwd"]),
        (("email",), ONE_FACTOR, ["otp"]),
        (("pwd", "email"), ONE_FACTOR, ["pwd", "otp"]),  # the mailbox resets the password
        (("otp",), ONE_FACTOR, ["otp"]),
        (("pwd", "otp"), TWO_FACTORS, ["pwd", "otp", "mfa"]),
        (("email", "otp"), TWO_FACTORS, ["otp", "mfa"]),
        (TOUCHED, ONE_FACTOR, ["hwk", "user"]),
        (("otp", *TOUCHED), ONE_FACTOR, ["otp", "hwk", "user"]),  # two devices, one kind
        (("pwd", *TOUCHED), TWO_FACTORS, ["pwd", "hwk", "user", "mfa"]),
        (VERIFIED, PHISHING_RESISTANT, ["swk", "user", "mfa"]),
        (("pwd", *VERIFIED), PHISHING_RESISTANT, ["pwd", "swk", "user", "mfa"]),
        ((), ONE_FACTOR, []),
    ],
)
def test_methods(methods: tuple[str, ...], acr: str, amr: list[str]) -> None:
    assert assurance.acr(methods) == acr
    assert assurance.amr(methods) == amr


def test_more_methods_are_never_less_sure() -> None:
    words = ("pwd", "email", "otp", "hwk", "swk", "user", "uv")
    for count in range(len(words)):
        for fewer in combinations(words, count):
            for another in words:
                assert assurance.satisfies(assurance.acr((*fewer, another)), assurance.acr(fewer))


def test_a_class_is_good_for_all_below_it() -> None:
    for place, wanted in enumerate(ACRS):
        assert [assurance.satisfies(reached, wanted) for reached in ACRS] == [
            position <= place for position in range(len(ACRS))
        ]
    assert not assurance.satisfies(PHISHING_RESISTANT, "phrh")


def test_the_first_wanted_class_that_is_met() -> None:
    assert assurance.met(VERIFIED, [TWO_FACTORS, PHISHING_RESISTANT]) == TWO_FACTORS
    assert assurance.met(("pwd",), [PHISHING_RESISTANT, "urn:x", ONE_FACTOR]) == ONE_FACTOR
    assert assurance.met(("pwd",), [PHISHING_RESISTANT, "urn:x"]) is None
    assert assurance.met(("pwd",), []) is None
