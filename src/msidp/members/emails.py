"""Mail addresses: which ones are accepted, and when two of them are the same."""

import unicodedata
from dataclasses import dataclass

import email_validator

from msidp.errors import Invalid
from msidp.words import words

# Names for special use (.test, .local, .internal) are names like any other to an instance inside a
# company. The library offers this list to be changed.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_MAX_LENGTH = 320  # RFC 3696, errata 1690: 64 + "@" + 255; more is refused before anything looks closer


@dataclass(frozen=True, slots=True)
class Email:
    """A usable address, and the key under which it is unique and looked up."""

    address: str  # in NFC, the domain in lower case and in Unicode: what mail is sent to and callers see
    key: str  # two addresses are the same one exactly if their keys are


def normalise(text: str) -> Email:
    """Read an address as a person typed it, Unicode ones included (RFC 6531).

    The key ignores case, Unicode composition and whether the domain is written in punycode. Whether
    the domain exists is not asked. Raises Invalid (422, `invalid-email`).
    """
    if len(text) > _MAX_LENGTH:
        raise _refused(words("This address is too long."))
    try:
        found = email_validator.validate_email(text.strip(), check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        raise _refused(words("This is not a usable email address.")) from None
    return Email(found.normalized, f"{caseless(found.local_part)}@{found.ascii_domain.lower()}")


def _refused(reason: str) -> Invalid:
    return Invalid("invalid-email", reason, details=[{"field": "email", "message": reason}])


def caseless(text: str) -> str:
    """The canonical caseless form (Unicode 15, D145), composed again."""
    folded = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", folded)
