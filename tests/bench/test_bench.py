"""The benchmarks still run. What they measure is not judged here: a busy machine is no failure."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

MEASURED = (
    "ready after",
    "memory (PSS) of all",
    "one RS256 signature",
    "one durable SQLite commit",
    "Flask hello, same granian",
    "token: code exchange",
    "token: refresh",
    "token: client credentials",
    "userinfo",
    "code exchange",
    "introspection",
    "member read",
    "member create, no webhook",
    "member create, 25 webhooks",
    "flooded",
    "pycurl alone",
    "from the outbox to the log",
)
ROOT = Path(__file__).parents[2]


OF_THE_ENGINE = (
    "raw: pycurl alone",
    "ours: SQLite, one worker",
    "one RQ job each, the same work",
    "one RQ job each, only the POST",
    "ours / raw",
    "commit to delivered, p50",
    "ours: PostgreSQL, 1 worker",
    "4 healthy, alone",
    "beside 1 hanging",
    "2,000 rows",
)


@pytest.mark.parametrize(
    ("parts", "measured"), [((), MEASURED), (("engine", "isolation", "backlog"), OF_THE_ENGINE)]
)
def test_everything_is_measured(parts: Sequence[str], measured: Sequence[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", *parts],
        cwd=ROOT, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for name in measured:
        assert re.search(rf"^{re.escape(name)} +[\d.,]+", run.stdout, re.MULTILINE), (name, run.stdout)
