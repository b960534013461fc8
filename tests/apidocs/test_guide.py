"""The examples of docs/admin-api.md do what the page says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient

PAGE = (Path(__file__).parents[2] / "docs" / "admin-api.md").read_text()
EXAMPLES = re.findall(r"```sh\n(.*?)```\n```json\n(.*?)```", PAGE, re.DOTALL)


def comparable(text: str) -> str:
    """Without what differs each time: ids and moments."""
    text = re.sub(r"\b([a-z]{3})_[0-9a-z]{26}\b", r"\1_…", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "…", text)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples use curl")
@pytest.mark.database("sqlite")
def test_the_examples_run_as_they_stand(admin: FlaskClient, base_url: str, tmp_path: Path) -> None:
    assert len(EXAMPLES) > 5
    mark = "---next---"
    script = f"\necho {mark}\n".join(commands for commands, _ in EXAMPLES)
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "MSIDP": base_url, "KEY": admin.environ_base["HTTP_X_API_KEY"]},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = [comparable(output.strip()) for _, output in EXAMPLES]
    assert [comparable(output.strip()) for output in done.stdout.split(mark)] == shown
