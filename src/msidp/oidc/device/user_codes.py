"""User codes: eight letters that are easy to type and make no words (RFC 8628, section 6.1)."""

import secrets

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8  # of 20 letters: 34 bits, good for ten minutes, behind a throttle


def new() -> str:
    """A new one, such as `WDJB-MJHT`."""
    letters = [secrets.choice(_LETTERS) for _ in range(_LENGTH)]
    return f"{''.join(letters[:4])}-{''.join(letters[4:])}"


def normalise(typed: str) -> str | None:
    """The code somebody meant: case, spaces and dashes do not count. None for what is no code."""
    letters = "".join(letter for letter in typed[:40].upper() if letter not in " -–—\t")
    if len(letters) != _LENGTH or not set(letters) <= set(_LETTERS):
        return None
    return f"{letters[:4]}-{letters[4:]}"
