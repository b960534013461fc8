"""Scopes, and the claims they open (OpenID Connect Core 1.0, section 5.4)."""

from collections.abc import Iterable

from msidp.words import words

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"

# What each scope lets an application do, in the words of the consent page.
MEMBER_SCOPES = {
    OPENID: words("Know that it is you"),
    "profile": words("See your profile: your name, picture and the like"),
    "email": words("See your email address"),
    "address": words("See your postal address"),
    "phone": words("See your phone number"),
    OFFLINE_ACCESS: words("Stay connected while you are away"),
}
CLAIMS = {
    "profile": (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
_SCOPE_OF = {name: scope for scope, names in CLAIMS.items() for name in names}
ALL_CLAIMS = frozenset(_SCOPE_OF)


def split(scope: str) -> list[str]:
    """The scopes of a space-separated list, each once, in order."""
    return list(dict.fromkeys(name for name in scope.split(" ") if name))


def claims_of(scopes: Iterable[str]) -> set[str]:
    """The names of the claims that these scopes open."""
    return {name for scope in scopes for name in CLAIMS.get(scope, ())}


def opening(claims: Iterable[str]) -> set[str]:
    """The scopes that open these claims."""
    return {_SCOPE_OF[name] for name in claims if name in _SCOPE_OF}
