"""Every setting, in one frozen object. Nothing else reads the environment.

A value comes from the environment (`MSIDP_BASE_URL`), else from `msidp.env` in the instance
directory, else from the default below.
"""

import hashlib
import os
import re
import secrets
import ssl
import tempfile
from collections.abc import Mapping
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from msidp.mail_server import MailServer

MIN_SECRET_KEY = 8  # characters; shorter ones are refused
GOOD_SECRET_KEY = 32  # characters; `msidp doctor` asks for that many, and what msidp generates has 43
_MAX_SOCKET_PATH = 100  # a Unix socket's path holds 107 bytes on Linux; Valkey's temporary name needs some
_BASE_URL = re.compile(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"
)
_SENDER = re.compile(r"[^\s<>@\"]+@[^\s<>@\"]+")
_ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
_HOW_TO_MAKE_A_KEY = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


class UnusableSecretKey(Exception):
    """The stored secret key is not one. The text says which file, and what to do."""


class Settings(BaseSettings):
    """The settings in force. Build it with `load()`; tests pass their own values."""

    model_config = SettingsConfigDict(env_prefix="MSIDP_", frozen=True, extra="ignore", env_ignore_empty=True)

    instance_dir: Path = Field(default_factory=lambda: Path.cwd() / "instance")
    base_url: str = "http://127.0.0.1:8000"
    database_url: str = ""
    redis_url: str = ""
    secret_key: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    outbound_allow_http: bool = False
    outbound_allow_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    outbound_ca_file: Path | None = None
    webhook_retry_schedule: Annotated[tuple[float, ...], NoDecode] = (0, 60, 300, 1800, 7200)
    webhook_timeout: float = Field(default=10.0, gt=0, le=60)
    event_retention_days: int = Field(default=90, ge=0, le=36_500)  # 0: for ever; so the next two
    delivery_retention_days: int = Field(default=90, ge=0, le=36_500)
    attempt_retention_days: int = Field(default=30, ge=0, le=36_500)
    metrics_token: SecretStr | None = None
    operator_email: Annotated[tuple[str, ...], NoDecode] = ()
    smtp_url: SecretStr | None = None
    mail_from: str = ""
    sign_up_proof: bool | None = None  # None: where mail goes out
    trusted_proxies: int = Field(default=0, ge=0)
    rate_limits: bool = True
    member_token_issuer: str = ""
    key_rotation_days: int = 90
    client_id_metadata_documents: bool = False
    dpop_nonces: bool = False

    @field_validator(
        "secret_key", "outbound_allow_networks", "webhook_retry_schedule", "operator_email", mode="before"
    )
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else None
        return value if parts is None else tuple(part.strip() for part in parts if part.strip())

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < MIN_SECRET_KEY for key in value):
            raise ValueError(f"each key needs at least {MIN_SECRET_KEY} characters; {_HOW_TO_MAKE_A_KEY}")
        return value

    @field_validator("outbound_ca_file")
    @classmethod
    def _check_ca_file(cls, value: Path | None) -> Path | None:
        try:
            if value is not None:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
        except ssl.SSLError:
            raise ValueError(f"{value} holds no certificates in PEM") from None
        except OSError as error:
            raise ValueError(f"{value} cannot be read: {error.strerror}") from None
        return value

    @field_validator("webhook_retry_schedule")
    @classmethod
    def _check_schedule(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or any(not 0 <= delay <= 30 * 86400 for delay in value):
            raise ValueError("needs at least one delay, each between 0 seconds and 30 days")
        return value

    @field_validator("key_rotation_days")
    @classmethod
    def _check_rotation(cls, value: int) -> int:
        if value != 0 and not 2 <= value <= 3650:  # a key is published for a day before it signs
            raise ValueError("must be 0 (never) or a number of days from 2 to 3650")
        return value

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        if not _BASE_URL.fullmatch(value) or not _has_valid_port(value):
            raise ValueError("must be an http or https URL without user, query or fragment")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        scheme, colon, rest = value.partition("://")
        if scheme in ("postgresql", "postgres"):  # as hosting companies write it
            scheme = "postgresql+psycopg"
        if value and (not colon or scheme not in ("sqlite", "postgresql+psycopg")):
            raise ValueError("must begin with postgresql+psycopg:// or sqlite:///")
        if scheme == "sqlite" and rest in ("", "/", "/:memory:"):
            raise ValueError("needs a file: every process opens the database for itself")
        if not _has_valid_port(value):
            raise ValueError("its port is no number from 0 to 65535")
        return f"{scheme}{colon}{rest}"

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        if not _has_valid_port(value):
            raise ValueError("its port is no number from 0 to 65535")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            if not _has_valid_port(value.get_secret_value()):
                raise ValueError("its port is no number from 0 to 65535")
            MailServer.parse(value.get_secret_value())
        return value

    @field_validator("operator_email")
    @classmethod
    def _check_operator_email(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ADDRESS.fullmatch(address) for address in value):
            raise ValueError("must be mail addresses, separated by commas")
        return value

    @field_validator("mail_from")
    @classmethod
    def _check_mail_from(cls, value: str) -> str:
        if value and not (value.isprintable() and _SENDER.fullmatch(parseaddr(value)[1])):
            raise ValueError("must be an address, or a name with an address: Acme <no-reply@example.com>")
        return value

    @classmethod
    def load(cls, *, port: int | None = None, **overrides: Any) -> Self:
        """The settings of this process, with what depends on the instance directory filled in.

        `port` is where the site is served, for a base URL that is not set. Creates the instance directory
        and its secret key at the first call. Raises pydantic.ValidationError when a value is wrong, and
        OSError when the instance directory cannot be used.
        """
        instance = overrides.get("instance_dir") or instance_dir()
        settings = cls(
            _env_file=instance / "msidp.env",  # type: ignore[call-arg]  # pydantic-settings' own argument
            **{**overrides, "instance_dir": instance.absolute()},
        )
        if port is not None and "base_url" not in settings.model_fields_set:
            settings = settings.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
        return settings.completed()

    def completed(self) -> Self:
        """A copy in which every derived default is set."""
        self.instance_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.model_copy(
            update={
                "database_url": self.database_url or f"sqlite:///{self.instance_dir / 'msidp.db'}",
                "redis_url": self.redis_url or f"unix://{self.valkey_socket}",
                "secret_key": self.secret_key or (SecretStr(_stored_secret_key(self.instance_dir)),),
                "sign_up_proof": bool(self.smtp_url) if self.sign_up_proof is None else self.sign_up_proof,
                "member_token_issuer": self.member_token_issuer or self.base_url,
            }
        )

    @property
    def valkey_socket(self) -> Path:
        """Where the embedded Valkey listens: in the instance directory if its path is short and plain.

        White space in it would break the replies of CLIENT INFO, which name the path unquoted.
        """
        path = self.instance_dir / "valkey" / "valkey.sock"
        if len(os.fsencode(path)) <= _MAX_SOCKET_PATH and not re.search(r"\s", str(path)):
            return path
        name = hashlib.sha256(os.fsencode(self.instance_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"msidp-{os.getuid()}-{name}" / "valkey.sock"

    @property
    def embedded_valkey(self) -> bool:
        """Whether the queue is the one `msidp up` starts itself."""
        return self.redis_url in ("", f"unix://{self.valkey_socket}")

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is a file, which the processes read by themselves."""
        return self.database_url.startswith("sqlite:")

    @property
    def secure(self) -> bool:
        """Whether members reach the site by https, which decides on cookie names and HSTS."""
        return self.base_url.startswith("https://")

    @property
    def mail_server(self) -> MailServer | None:
        """Where mails go; None keeps them in the development inbox."""
        return MailServer.parse(self.smtp_url.get_secret_value()) if self.smtp_url else None

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The secret keys in plain text, newest first."""
        return tuple(key.get_secret_value() for key in self.secret_key)

    def environment(self) -> Mapping[str, str]:
        """The variables that hand these settings to a child process."""
        return {
            "MSIDP_INSTANCE_DIR": str(self.instance_dir),
            "MSIDP_BASE_URL": self.base_url,
            "MSIDP_DATABASE_URL": self.database_url,
            "MSIDP_REDIS_URL": self.redis_url,
        }


def instance_dir() -> Path:
    """The instance directory that the environment names, whether it exists or not."""
    return Path(os.environ.get("MSIDP_INSTANCE_DIR") or "instance").absolute()


def instance_exists() -> bool:
    """Whether there is an instance to work on: one made before, or one that the environment describes."""
    made = any((instance_dir() / name).exists() for name in ("secret.key", "msidp.env"))
    return made or any(os.environ.get(f"MSIDP_{name}") for name in ("SECRET_KEY", "DATABASE_URL"))


def _stored_secret_key(instance_dir: Path) -> str:
    """Read the generated secret key, writing it first where there is none. Safe against a race."""
    path = instance_dir / "secret.key"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=instance_dir, prefix=".secret", delete=False) as file:
            file.write(secrets.token_urlsafe(32))  # the temporary file is born with mode 0600
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave an empty key under the final name
        draft = Path(file.name)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process was first; its key is the one
        finally:
            draft.unlink()
    key = path.read_text().strip()
    if len(key) < MIN_SECRET_KEY:
        raise UnusableSecretKey(f"{path} is empty or cut short. Put the key back that was in use.")
    return key


def _has_valid_port(url: str) -> bool:
    """Whether the port of a URL, if there is one, is a port."""
    try:
        urlsplit(url).port  # noqa: B018  # reading it is the check
    except ValueError:
        return False
    return True
