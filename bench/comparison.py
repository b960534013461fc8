"""msidp beside npm's oidc-provider: CPU time of a request, turn by turn in one run."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench import contenders, cpu, table
from bench.contenders import Contender, Ours, Peer
from bench.load import request
from bench.operations import Site
from bench.servers import Msidp

FLOOR = 1.5  # times better than oidc-provider on SQLite
JUDGED = ("code exchange", "refresh")
WARM_UP = 4  # rounds; both sides optimise themselves as they go
ROUNDS = 15  # of fewer, the medians of two runs on one machine differ by a tenth

Costs = dict[str, dict[str, float]]


def report(msidp: Msidp, site: Site, instance: Path, requests: int, *, quick: bool) -> None:
    """Measure and print it, signed by the quick algorithm and by the one that every client knows."""
    print(table.title(f"beside npm oidc-provider {contenders.installed_peer()}, the same work"))
    for algorithm in ("ES256",) if quick else ("ES256", "RS256"):
        with ExitStack() as stack:
            sides: dict[str, Contender] = {
                "msidp": Ours(msidp, site, algorithm),
                "in memory": stack.enter_context(Peer(algorithm)),
                "on SQLite": stack.enter_context(Peer(algorithm, instance)),
            }
            _print(algorithm, _measure(sides, requests, quick=quick))


def _measure(sides: Mapping[str, Contender], requests: int, *, quick: bool) -> Costs:
    """The median CPU microseconds of each operation at each side, over interleaved rounds."""
    warm_up, rounds = (0, 1) if quick else (WARM_UP, ROUNDS)
    costs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    tokens = {name: side.access_token() for name, side in sides.items()}
    for number in range(warm_up + rounds):
        for name, side in sides.items():
            for operation, cost in _round(side, tokens[name], requests):
                if number >= warm_up:
                    costs[operation][name].append(cost)
    return {
        operation: {name: statistics.median(measured) for name, measured in by_side.items()}
        for operation, by_side in costs.items()
    }


def _round(side: Contender, token: str, requests: int) -> Iterator[tuple[str, float]]:
    """One round of every operation: its name and cost."""
    made = contenders.exchange(side, requests)
    cost, answers = cpu.cost_of(side.load, made, side.processes())
    yield "code exchange", cost
    made = contenders.refresh(side, answers)
    yield "refresh", cpu.cost_of(side.load, made, side.processes())[0]
    bearer = {"Authorization": f"Bearer {token}"}
    asked = {
        "userinfo": request("GET", side.paths["userinfo"], bearer),
        "introspection": request(
            "POST", side.paths["introspection"], form={**side.client, "token": token}
        ),
        "jwks": request("GET", side.paths["jwks"]),
    }  # fmt: skip
    for name, asking in asked.items():
        yield name, cpu.cost_of(side.load, [asking] * requests, side.processes())[0]


def _print(algorithm: str, costs: Costs) -> None:
    print(table.columns(f"{algorithm}, CPU µs", *next(iter(costs.values()))))
    for operation, by_side in costs.items():
        ours, memory, durable = by_side.values()
        shares = f"{ours / memory:.2f} of memory, {ours / durable:.2f} of SQLite"
        verdict = ""
        if operation in JUDGED and algorithm == "ES256":
            floor = "met" if ours * FLOOR <= durable else "MISSED"
            level = "met" if ours <= memory else "MISSED"
            verdict = f"; floor {floor}, goal {level}"
        numbers = [f"{cost:,.0f}" for cost in by_side.values()]
        print(table.columns(operation, *numbers, note=shares + verdict))
