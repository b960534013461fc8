"""Client metadata (RFC 7591, section 2, and the specifications that add to it) as an application's fields.

What a client may not choose for itself (whether members are asked, how long tokens live) has no name here and
is passed over, like everything unknown (section 2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from msidp import clock
from msidp.errors import Invalid
from msidp.oidc import kinds, redirects
from msidp.oidc.models import Application
from msidp.oidc.schemas import NewApplication

_SAME_NAMES = (
    "redirect_uris",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "token_endpoint_auth_method",
    "grant_types",
    "jwks",
    "jwks_uri",
    "require_pushed_authorization_requests",
    "dpop_bound_access_tokens",
    "subject_type",
    "sector_identifier_uri",
    "id_token_signed_response_alg",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
)
COLUMNS = (*_SAME_NAMES, "scopes")  # what a client may set; `name` is its client_name
_NAMES = {"name": "client_name", "type": "application_type", "scopes": "scope"}


class Refused(Exception):
    """An error of RFC 7591, section 3.2.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client asks to be. `fields` are columns; what it left out is not among them."""

    name: str
    type: str
    fields: dict[str, Any]


def read(given: Mapping[str, Any], *, default_method: str = "client_secret_basic") -> Registration:
    """The application that this metadata describes. Raises Refused.

    Null counts as left out (RFC 7592, section 2.2). `default_method` is how a client authenticates that does
    not say; a native application never has a secret.
    """
    metadata = {name: value for name, value in given.items() if value is not None}
    if "software_statement" in metadata:
        raise Refused(
            "unapproved_software_statement", "software_statement: no issuer of them is trusted here."
        )
    metadata.setdefault("grant_types", ["authorization_code"])
    metadata.setdefault("application_type", "web")
    metadata.setdefault(
        "token_endpoint_auth_method", "none" if metadata["application_type"] == "native" else default_method
    )
    type_ = _type(metadata)
    _check_response_types(metadata, type_)
    asked = {name: metadata[name] for name in _SAME_NAMES if name in metadata}
    if "scope" in metadata:
        asked["scopes"] = _split(metadata["scope"])
    asked |= {"name": metadata.get("client_name") or _unnamed(metadata), "type": type_}
    checked = _checked(asked)
    return Registration(checked.name, checked.type, checked.model_dump(include=set(asked) - {"name", "type"}))


def write(application: Application) -> dict[str, Any]:
    """The metadata of an application as it is registered; what it has not is left out."""
    has_members = kinds.KINDS[application.type].has_members
    known = {name: getattr(application, name) for name in _SAME_NAMES}
    return {
        "client_id": application.client_id,
        "client_id_issued_at": clock.seconds(application.created_at),
        "client_name": application.name,
        "application_type": "native" if application.type == "native" else "web",
        "response_types": ["code"] if has_members else [],
        "scope": " ".join(application.scopes),
        **{name: value for name, value in known.items() if value is not None},
    }


def refusal(problem: Invalid) -> Refused:
    """What the application service refused, in the words of RFC 7591."""
    detail = (problem.details or [{"field": "", "message": problem.message}])[0]
    return _refused(detail["field"], detail["message"])


def _type(metadata: Mapping[str, Any]) -> str:
    """The kind of application that fits what is asked for."""
    if metadata["application_type"] not in ("web", "native"):
        raise Refused("invalid_client_metadata", "application_type: must be web or native.")
    if metadata["grant_types"] == ["client_credentials"]:
        return "machine"
    if metadata["token_endpoint_auth_method"] != "none":  # noqa: S105  # a method's name
        return "native" if metadata["application_type"] == "native" else "web"
    return "native" if metadata["application_type"] == "native" or _is_on_a_device(metadata) else "spa"


def _is_on_a_device(metadata: Mapping[str, Any]) -> bool:
    """Whether its answers go to the device itself, by loopback or by a scheme of its own (RFC 8252)."""
    uris = metadata.get("redirect_uris")
    for uri in uris if isinstance(uris, list) else ():
        try:
            parts = urlsplit(uri)
        except (ValueError, AttributeError, TypeError):
            return False  # what it is instead is said by its own check
        if parts.scheme not in ("http", "https") or parts.hostname in redirects.LOOPBACK_HOSTS:
            return True
    return False


def _check_response_types(metadata: Mapping[str, Any], type_: str) -> None:
    possible = ([],) if type_ == "machine" else (["code"],)
    if metadata.get("response_types", possible[0]) not in possible:
        raise Refused("invalid_client_metadata", f"response_types: must be {possible[0]}.")


def _split(scope: Any) -> Any:
    return scope.split(" ") if isinstance(scope, str) else scope


def _unnamed(metadata: Mapping[str, Any]) -> str:
    """What to call a client that does not say: by the host that its members come from."""
    uris = metadata.get("redirect_uris")
    try:
        host = urlsplit(uris[0]).hostname if isinstance(uris, list) and uris else None
    except (ValueError, AttributeError, TypeError):
        host = None
    return host if isinstance(host, str) and host else "An application"


def _checked(asked: Mapping[str, Any]) -> NewApplication:
    """The same as the Admin API takes it, so that types, lengths and values are checked in one place."""
    try:
        return NewApplication.model_validate({to_camel(name): value for name, value in asked.items()})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        raise _refused(str(found["loc"][0]), found["msg"].removeprefix("Value error, ")) from None


def _refused(field: str, message: str) -> Refused:
    column = to_snake(field)
    error = "invalid_redirect_uri" if column == "redirect_uris" else "invalid_client_metadata"
    return Refused(error, f"{_NAMES.get(column, column)}: {message}".removesuffix(".") + ".")
