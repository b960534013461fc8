"""Communities and their API keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from msidp import clock, ids, languages
from msidp.communities.models import ApiKey, Community
from msidp.communities.roles import KeyRole
from msidp.errors import NotFound
from msidp.prepared import Core, Prepared

# Asked at every request of the Admin API.
_API_KEY = Prepared(
    select(ApiKey.id, ApiKey.community_id, ApiKey.role).where(
        ApiKey.secret_hash == bindparam("secret_hash"), ApiKey.revoked_at.is_(None)
    )
)


# Asked at every request of the Client API.
_SITE = select(Community.id, Community.app_id, Community.allowed_origins)
_BY_PUBLIC_KEY = Prepared(_SITE.where(Community.public_key == bindparam("public_key")))
_BY_ID = Prepared(_SITE.where(Community.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class Site:
    """A community as its members' browsers call it. No origins: pages of every one may."""

    community_id: str
    app_id: str
    origins: Sequence[str]


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes a key: an operator, another key, or the command line, by the name they have now."""

    type: str
    id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made; the only moment its secret is known."""

    id: str
    secret_key: str


def find_default(session: Session) -> Community | None:
    """The community of this instance; None before its first start."""
    return session.scalar(select(Community).order_by(Community.created_at).limit(1))


def ensure_default(session: Session) -> Community:
    """The community of this instance, made at first start."""
    community = find_default(session)
    if community is None:
        community = Community(
            id=ids.new_guid(),
            app_id=ids.new_id("app"),
            public_key=ids.new_token("pk_"),
            name="My community",
            language=languages.SOURCE,
            created_at=clock.now(),
        )
        session.add(community)
        session.flush()
    return community


def get(session: Session, community_id: str) -> Community:
    """The community with this id, which is known to be there."""
    return session.scalars(
        select(Community).where(Community.id == community_id).execution_options(populate_existing=True)
    ).one()


def rename(session: Session, community_id: str, name: str) -> None:
    """Call the community something else, on every page that its members see."""
    session.execute(update(Community).where(Community.id == community_id).values(name=name))


def speak(session: Session, community_id: str, language: str) -> None:
    """Have pages and mails come in this language (one of `languages.LANGUAGES`) where nothing else tells."""
    session.execute(update(Community).where(Community.id == community_id).values(language=language))


def allow_origins(session: Session, community_id: str, origins: Sequence[str]) -> None:
    """Let pages of these origins (RFC 6454, section 6.1) alone call the Client API; of none, those of all."""
    changed = update(Community).where(Community.id == community_id)
    session.execute(changed.values(allowed_origins=list(dict.fromkeys(origins))))


def find_site(connection: Core, public_key: str) -> Site | None:
    """The community with this public key."""
    row = connection.one(_BY_PUBLIC_KEY, {"public_key": public_key})
    return None if row is None else Site(*row)


def site_of(connection: Core, community_id: str) -> Site:
    """The same by its id, which is known to be there."""
    row = connection.one(_BY_ID, {"id": community_id})
    assert row is not None  # noqa: S101  # it is never deleted
    return Site(*row)


def create_api_key(
    session: Session, community_id: str, name: str, role: KeyRole = "admin", maker: Maker | None = None
) -> NewApiKey:
    """Make a secret key for the Admin API. An owner's key may look after operators and keys too."""
    secret = ids.new_token("sk_")
    key = ApiKey(
        id=ids.new_id("key"),
        community_id=community_id,
        name=name,
        role=role,
        secret_hash=ids.hash_token(secret),
        hint=secret[-4:],
        created_at=clock.now(),
        maker_type=maker.type if maker else None,
        maker_id=maker.id if maker else None,
        maker_name=maker.name if maker else None,
    )
    session.add(key)
    session.flush()
    return NewApiKey(key.id, secret)


def keys_by_maker(session: Session, community_id: str) -> dict[str, int]:
    """How many keys that were not revoked somebody made, by the maker's id."""
    live = (ApiKey.community_id == community_id, ApiKey.revoked_at.is_(None), ApiKey.maker_id.is_not(None))
    counted = select(ApiKey.maker_id, func.count()).where(*live).group_by(ApiKey.maker_id)
    return {str(maker): count for maker, count in session.execute(counted)}


def revoke_api_key(session: Session, community_id: str, key_id: str) -> ApiKey:
    """Make a key useless. Raises NotFound (`api-key-not-found`), also for one that was revoked before."""
    key = session.scalar(
        select(ApiKey).where(
            ApiKey.id == key_id, ApiKey.community_id == community_id, ApiKey.revoked_at.is_(None)
        )
    )
    if key is None:
        raise NotFound("api-key-not-found", "There is no such key, or it was revoked before.")
    key.revoked_at = clock.now()
    session.flush()
    return key


def find_api_key(connection: Core, secret: str) -> tuple[str, str, str] | None:
    """Id, community and role of the live key with this secret.

    The lookup goes by hash, so its time tells nothing.
    """
    row = connection.one(_API_KEY, {"secret_hash": ids.hash_token(secret)})
    return None if row is None else (row.id, row.community_id, row.role)
