"""What operators and API keys may do. A role includes those below it."""

from typing import Literal

Role = Literal["viewer", "admin", "owner"]
KeyRole = Literal["admin", "owner"]  # of a key; none only looks
ROLES: tuple[Role, ...] = ("viewer", "admin", "owner")  # each may do what the ones before it may

MEANING: dict[Role, str] = {
    "owner": "everything, operators and their roles included",
    "admin": "everything but operators",
    "viewer": "look at everything, change nothing",
}


def allows(role: str, needed: Role) -> bool:
    """Whether who has `role` may do what needs `needed`."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)
