"""What applications learn of a member: standard claims, by scope and by the claims parameter."""

from collections.abc import Iterable, Mapping
from typing import Any

from msidp import clock
from msidp.oidc import scopes

PLACES = ("userinfo", "id_token")  # where the claims parameter may ask for claims


def member_claims(member: Any, names: Iterable[str]) -> dict[str, Any]:
    """Of these claims, the ones that are known. `member` has a member's columns.

    What msidp knows itself stands above what the profile says of it.
    """
    verified = {"phone_number_verified": False} if "phone_number" in member.profile else {}
    known = (
        verified
        | member.profile
        | {
            "email": member.email,
            "email_verified": member.verified,
            "updated_at": clock.seconds(member.updated_at),
        }
    )
    return {name: known[name] for name in sorted(names) if known.get(name) not in (None, {})}


def requested(parameter: Mapping[str, Any] | None, place: str) -> set[str]:
    """The standard claims that the claims parameter asks for at `userinfo` or in the `id_token`.

    Essential and voluntary ones alike: what is known is given (OpenID Connect Core 1.0, section 5.5).
    """
    asked = parameter.get(place) if parameter else None
    return set(asked) & scopes.ALL_CLAIMS if isinstance(asked, Mapping) else set()
