"""How sure a log-in is: from the methods a member has used to `amr` (RFC 8176) and `acr`.

A session keeps its methods in RFC 8176's words (`pwd`, `otp`, `hwk`, `swk`, `user`) and in two of our own
that RFC 8176 does not tell apart: `email`, a code or link sent to the member's mailbox (to applications
`otp`), and `uv`, a passkey that made sure of its holder by a PIN or a fingerprint (to them `mfa`).

`acr` is one of three, each good for all below it: `phr` (phishing-resistant, of OpenID's EAP ACR values),
two factors, one factor.
"""

from collections.abc import Collection, Iterable

ONE_FACTOR = "urn:msidp:acr:1fa"
TWO_FACTORS = "urn:msidp:acr:2fa"
PHISHING_RESISTANT = "phr"
ACRS = (PHISHING_RESISTANT, TWO_FACTORS, ONE_FACTOR)  # the surest first

PASSWORD = ("pwd",)
MAILED_CODE = ("email",)
AUTHENTICATOR_CODE = ("otp",)  # a recovery code counts as one: it stands in for the lost device

_KEYS = {"hwk", "swk"}
# What falls together is one kind: a password is reset by a mail, so whoever holds the mailbox holds both.
_KINDS = {"pwd": "account", "email": "account", "otp": "device", "hwk": "device", "swk": "device"}
_SHOWN = {"email": "otp", "uv": None}


def passkey(*, synced: bool, verified: bool) -> tuple[str, ...]:
    """The methods of a passkey: whether it is `synced` between devices, and its holder was `verified`."""
    return ("swk" if synced else "hwk", "user", *(("uv",) if verified else ()))


def acr(methods: Collection[str]) -> str:
    """The surest class that these methods reach."""
    if not _KEYS.isdisjoint(methods) and "uv" in methods:
        return PHISHING_RESISTANT
    kinds = {_KINDS[method] for method in methods if method in _KINDS}
    return TWO_FACTORS if len(kinds) > 1 else ONE_FACTOR


def amr(methods: Collection[str]) -> list[str]:
    """The methods as applications see them, with `mfa` where they were more than one factor."""
    shown = [_SHOWN.get(method, method) for method in methods]
    more = ["mfa"] if acr(methods) != ONE_FACTOR else []
    return list(dict.fromkeys([*(method for method in shown if method), *more]))


def satisfies(reached: str, wanted: str) -> bool:
    """Whether a log-in of the class `reached` is good for `wanted`. A class unknown here is never met."""
    return wanted in ACRS and ACRS.index(reached) <= ACRS.index(wanted)


def met(methods: Collection[str], wanted: Iterable[str]) -> str | None:
    """The first of the `wanted` classes, which stand in order of preference, that the methods satisfy."""
    reached = acr(methods)
    return next((name for name in wanted if satisfies(reached, name)), None)
