"""The benchmarks still run. What they measure is not judged here: a busy machine is no failure."""

import re
import subprocess
import sys
from pathlib import Path

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


def test_everything_is_measured() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert run.returncode == 0, run.stderr
    for name in MEASURED:
        assert re.search(rf"^{re.escape(name)} +[\d.,]+", run.stdout, re.MULTILINE), (name, run.stdout)
