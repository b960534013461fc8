"""Which new passwords are refused: those that a guesser tries first.

Length and characters are `msidp.vault.passwords`' business; there are no rules on composition. What is
guessed early is estimated by zxcvbn, with its lists of common passwords and ours of other languages, and
with what anybody knows of the member.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from msidp.errors import Invalid
from msidp.vault import passwords
from msidp.words import words

TOO_FEW_GUESSES = 10**6  # what a guesser with a thousand tries a day needs years for
_LOOKED_AT = 36  # characters; the work grows with the square
_SYMBOLS = set("@({[<&#!/|\\$+%")  # zxcvbn tries every way to read them as letters
_MANY_SYMBOLS = 5


def check_new(password: str, known: Iterable[str] = ()) -> None:
    """Whether this can become somebody's password, where `known` is what everybody may know of them.

    Raises Invalid (422, `invalid-password`). Never call it with a transaction open: it takes milliseconds.
    """
    passwords.check_new(password)
    if guesses(password, known) < TOO_FEW_GUESSES:
        message = words("This password is among the first that a guesser would try. Add a word or two.")
        raise Invalid("invalid-password", message)


def guesses(password: str, known: Iterable[str] = ()) -> float:
    """About how many guesses a good guesser needs."""
    from zxcvbn import matching, scoring  # late: its lists take memory that a worker can spare

    text = unicodedata.normalize("NFC", password)[:_LOOKED_AT]
    if len(set(text) & _SYMBOLS) > _MANY_SYMBOLS:
        return float(TOO_FEW_GUESSES * TOO_FEW_GUESSES)  # no list has such a one
    words = matching.build_ranked_dict([*_parts(known), *_common()])
    with passwords.pool.turn():
        matches = matching.omnimatch(text, {**matching.RANKED_DICTIONARIES, "user_inputs": words})
        return float(scoring.most_guessable_match_sequence(text, matches)["guesses"])


def _parts(known: Iterable[str]) -> list[str]:
    """What is known, whole and in words."""
    words = [word for text in known for word in (text, *text.replace("@", " ").replace(".", " ").split())]
    return [word.casefold() for word in words if len(word) > 2]


@cache
def _common() -> list[str]:
    return files("msidp.accounts").joinpath("common_passwords.txt").read_text("utf-8").split()
