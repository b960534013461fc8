"""Does it grow with its load? The same requests on a small and on a filled instance, turn by turn.

make bench ARGS=scale
"""

import random
import secrets
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.postgres import PostgresServer

from bench import cpu, fill, table
from bench.fill import Fill
from bench.load import Answer, Load, request
from bench.operations import CHALLENGE, EMAIL, REDIRECT_URI, SCOPE, VERIFIER, Site
from bench.servers import Msidp
from msidp.demo.browser import Browser

SMALL = Fill(members=1_000, sessions=1_000, refresh_tokens=1_000)
FULL = Fill(members=1_000_000, sessions=100_000, refresh_tokens=1_000_000)
QUICK = Fill(members=3_000, sessions=2_000, refresh_tokens=3_000)
GOAL = 1.5
LOG_INS = 15  # a round; hashing a password is slow by design
REQUESTS = 100


@dataclass
class Filled:
    """A running msidp with so many members; each request is for another one, drawn at random."""

    msidp: Msidp
    site: Site
    size: Fill
    database: PostgresServer | None
    seconds: float  # that filling took
    form: dict[str, str] = field(default_factory=dict)
    form_cookie: str = ""
    access_tokens: list[str] = field(default_factory=list)
    spent: set[int] = field(default_factory=set)

    def prepare_form(self) -> None:
        """The log-in page's form, good for many log-ins."""
        browser = Browser()
        form = browser.open(f"{self.site.base_url}/login").form_with("password")
        self.form = form.values
        self.form_cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)

    def processes(self) -> list[int]:
        """The web part, and the database where it is one of its own."""
        web = self.msidp.processes("msidp-web")
        return web + (cpu.family(self.database.pid) if self.database else [])

    def numbers(self, most: int, count: int) -> list[int]:
        """Members, none of them twice in this run."""
        found: list[int] = []
        while len(found) < count:
            number = secrets.randbelow(most) + 1
            if number not in self.spent:
                self.spent.add(number)
                found.append(number)
        return found

    def log_ins(self, count: int) -> list[bytes]:
        fields = [
            {**self.form, "email": fill.email_of(number), "password": self.site.password}
            for number in random.choices(range(1, self.size.members + 1), k=count)
        ]
        return [request("POST", "/login", {"Cookie": self.form_cookie}, form=form) for form in fields]

    def authorizations(self, count: int) -> list[bytes]:
        query = {
            "response_type": "code",
            "client_id": self.site.client["client_id"],
            "redirect_uri": REDIRECT_URI,
            "scope": SCOPE,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        path = f"/authorize?{urlencode(query)}"
        people = random.choices(range(1, self.size.sessions + 1), k=count)
        cookies = [f"msidp_session={fill.session_token(number)}" for number in people]
        return [request("GET", path, {"Cookie": cookie}) for cookie in cookies]

    def exchanges(self, codes: Sequence[str]) -> list[bytes]:
        fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return [self._token(**fields, code=code) for code in codes]

    def refreshes(self, count: int) -> list[bytes]:
        tokens = map(fill.refresh_token, self.numbers(self.size.refresh_tokens, count))
        return [self._token(grant_type="refresh_token", refresh_token=token) for token in tokens]

    def userinfos(self, answers: Sequence[Answer]) -> list[bytes]:
        tokens = [answer.json["access_token"] for answer in answers]
        return [request("GET", "/userinfo", {"Authorization": f"Bearer {token}"}) for token in tokens]

    def _token(self, **fields: str) -> bytes:
        return request("POST", "/token", form={**self.site.client, **fields})


def report(instance: Path, *, quick: bool) -> None:
    """Measure and print it, on each database."""
    for name in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            sides = [
                _filled(stack, instance / f"{name}-{number}", name == "PostgreSQL", size)
                for number, size in enumerate((SMALL, QUICK if quick else FULL))
            ]
            _print(name, sides, _measure(sides, rounds=1 if quick else 5))


def _filled(stack: ExitStack, directory: Path, on_postgres: bool, size: Fill) -> Filled:
    directory.mkdir(mode=0o700)
    database, url = None, f"sqlite:///{directory / 'msidp.db'}"
    if on_postgres:
        database = PostgresServer()
        stack.callback(database.stop)
        database.create_database("msidp")
        url = database.url("msidp")
    msidp = stack.enter_context(Msidp(directory, MSIDP_DATABASE_URL=url))
    site = Site(stack.enter_context(Load(msidp.port)), msidp.base_url)
    site.prepare(msidp.command("api-key", "create", "--name", "bench")["secretKey"])
    filled = Filled(msidp, site, size, database, 0)
    site.load.send(filled.exchanges(site.codes(1)))  # what the copies are made of
    began = time.monotonic()
    fill.fill(url, EMAIL, size)
    filled.seconds = time.monotonic() - began
    filled.prepare_form()
    return filled


def _measure(sides: Sequence[Filled], rounds: int) -> dict[str, list["Cost"]]:
    """The medians of each operation at each side, over interleaved rounds."""
    seen: dict[str, list[list[Cost]]] = defaultdict(lambda: [[] for _ in sides])
    for number in range(1 + rounds):  # the first one warms up
        for place, side in enumerate(sides):
            for operation, cost in _round(side):
                if number:
                    seen[operation][place].append(cost)
    return {operation: [Cost.median(costs) for costs in by_side] for operation, by_side in seen.items()}


@dataclass(frozen=True)
class Cost:
    """Of one request: CPU microseconds of msidp and database, and milliseconds until the answer."""

    microseconds: float
    milliseconds: float

    @staticmethod
    def median(costs: "Sequence[Cost]") -> "Cost":
        return Cost(
            statistics.median(cost.microseconds for cost in costs),
            statistics.median(cost.milliseconds for cost in costs),
        )


def _round(side: Filled) -> Iterator[tuple[str, Cost]]:
    """One round of every operation."""
    yield "log-in", _send(side, side.log_ins(LOG_INS), 303)[0]
    cost, answers = _send(side, side.authorizations(REQUESTS), 302)
    yield "authorize, logged in", cost
    codes = [parse_qs(urlsplit(answer.headers["location"]).query)["code"][0] for answer in answers]
    cost, answers = _send(side, side.exchanges(codes))
    yield "token: code exchange", cost
    yield "userinfo", _send(side, side.userinfos(answers))[0]
    yield "token: refresh", _send(side, side.refreshes(REQUESTS))[0]


def _send(side: Filled, requests: Sequence[bytes], status: int = 200) -> tuple[Cost, list[Answer]]:
    cost, answers = cpu.cost_of(side.site.load, requests, side.processes(), status, connections=1)
    return Cost(cost, statistics.median(answer.seconds for answer in answers) * 1000), answers


def _print(name: str, sides: Sequence[Filled], costs: dict[str, list[Cost]]) -> None:
    small, full = sides
    print(table.title(f"growth on {name}: {full.size.members:,} members, {full.size.sessions:,} sessions,"))
    print(f"{full.size.refresh_tokens:,} refresh tokens (filled in {full.seconds:.0f} s),", end=" ")
    print(f"beside {small.size.members:,} of each")
    print(table.columns("", "small µs", "full µs", "small ms", "full ms"))
    for operation, (before, after) in costs.items():
        numbers = (before.microseconds, after.microseconds, before.milliseconds, after.milliseconds)
        cpu_ratio = after.microseconds / before.microseconds
        verdict = "met" if cpu_ratio <= GOAL else f"MISSED (goal ≤ {GOAL})"
        note = f"CPU × {cpu_ratio:.2f}, time × {after.milliseconds / before.milliseconds:.2f}: {verdict}"
        formatted = (f"{numbers[0]:,.0f}", f"{numbers[1]:,.0f}", f"{numbers[2]:.2f}", f"{numbers[3]:.2f}")
        print(table.columns(operation, *formatted, note=note))
