"""What an initial access token allows to be registered, for as long as the client lives.

A client says itself which grants and scopes it wants. A machine's scopes are the operator's own names, and
what they open nobody asks a member for: so they are registered only where the token names them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from msidp.oidc import fitness, kinds, redirects, scopes
from msidp.oidc.models import Application
from msidp.oidc.registration.metadata import Refused, Registration


@dataclass(frozen=True, slots=True)
class Limits:
    """Lists of what is allowed; without one every grant type, the scopes of OpenID, every host.

    `redirect_hosts` are those to which members are sent, after logging in or out.
    """

    grant_types: Sequence[str] | None = None
    scopes: Sequence[str] | None = None
    redirect_hosts: Sequence[str] | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any] | None) -> Self:
        """Read what `as_row` wrote. A row from before there were limits has none: the defaults."""
        return cls(**(row or {}))

    def check(self) -> None:
        """Refuse what is no grant type, no scope or no host. Raises Invalid."""
        for name in self.grant_types or ():
            if name not in kinds.GRANT_TYPES:
                raise fitness.refusal("grantTypes", f"{name!r} is none of {', '.join(kinds.GRANT_TYPES)}")
        for name in self.scopes or ():
            fitness.check_scope(name)
        for host in self.redirect_hosts or ():
            _check_host(host)

    def as_row(self) -> dict[str, Any]:
        """The form in which they are kept."""
        return asdict(self)

    def held(self, asked: Registration, present: Application | None = None) -> Registration:
        """What is asked for, with the scopes that it is given where it names none.

        What an application has already at `present`, by its operator's will, may stay. Raises Refused.
        """
        fields = dict(asked.fields)
        allowed = list(scopes.MEMBER_SCOPES) if self.scopes is None else self.scopes
        if "scopes" not in fields and asked.type != "machine":
            fields["scopes"] = [name for name in scopes.MEMBER_SCOPES if name in allowed]
        _check("grant_types", fields.get("grant_types", ()), self.grant_types, present)
        _check("scopes", fields.get("scopes", ()), allowed, present)
        for name in ("redirect_uris", "post_logout_redirect_uris"):
            self._check_hosts(name, fields.get(name, ()), present)
        return replace(asked, fields=fields)

    def _check_hosts(self, name: str, uris: Iterable[str], present: Application | None) -> None:
        kept = () if present is None else getattr(present, name)
        for uri in uris:
            if self.redirect_hosts is not None and uri not in kept and _host(uri) not in self.redirect_hosts:
                error = "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
                hosts = ", ".join(self.redirect_hosts)
                raise Refused(error, f"{name}: the initial access token is for {hosts} alone.")


def _check(
    name: str, wanted: Iterable[str], allowed: Sequence[str] | None, present: Application | None
) -> None:
    kept = () if present is None else getattr(present, name)
    for each in wanted:
        if allowed is not None and each not in allowed and each not in kept:
            shown = {"scopes": "scope"}.get(name, name)
            raise Refused(
                "invalid_client_metadata", f"{shown}: the initial access token does not allow {each}."
            )


def _check_host(host: str) -> None:
    uri = f"https://{host}/"
    try:
        redirects.check(uri)
    except ValueError:
        uri = ""
    if _host(uri) != host:
        raise fitness.refusal("redirectHosts", f"{host!r} is not a host name in lower case, without a port")


def _host(uri: str) -> str | None:
    try:
        return redirects.host(uri)
    except ValueError:
        return None  # what it is instead is said by its own check
