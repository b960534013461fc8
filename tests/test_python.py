"""Which Python `make setup` takes. Stand-ins say how quick they are, the tool itself runs."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "python"


def put(
    directory: Path, name: str, *, says: tuple[int, int] = (3, 12), took: float = 0.1, status: int = 0
) -> str:
    """A stand-in for a Python. It is an `executable` of its own, as every real one is."""
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{json.dumps([str(path), says, took])}'\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


def chosen(*directories: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, TOOL],
        env={"PATH": os.pathsep.join(map(str, directories))},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("took", "clearly"), [(0.079, True), (0.09, False)])
@pytest.mark.parametrize("name", ["python3", "python3.14"])
def test_the_first_is_taken_unless_another_is_clearly_quicker(
    tmp_path: Path, name: str, took: float, *, clearly: bool
) -> None:
    first = put(tmp_path / "a", "python3")
    put(tmp_path / "b", "python3", took=0.2)
    quicker = put(tmp_path / "c", name, says=(3, 14), took=took)
    done = chosen(tmp_path / "a", tmp_path / "nowhere", tmp_path / "b", tmp_path / "c")
    assert (done.returncode, done.stdout.strip()) == (0, quicker if clearly else first)


def test_what_does_not_run_or_is_too_old_or_not_tried_yet_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "python3", says=(3, 9), took=0.01)
    put(tmp_path, "python3.11", status=127, took=0.01)
    put(tmp_path, "python3.99", says=(3, 99), took=0.01)
    put(tmp_path, "python3.13-config", says=(3, 13), took=0.01)
    only = put(tmp_path, "python3.12")
    assert chosen(tmp_path).stdout.strip() == only
    Path(only).unlink()
    none = chosen(tmp_path)
    assert none.returncode == 1
    assert none.stderr == "msidp needs Python 3.11 or newer, and none is on PATH.\n"


def test_it_knows_the_real_one_and_the_versions_that_the_package_names(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [each.rpartition(" ")[2] for each in project["classifiers"] if ":: Python :: 3." in each]
    assert project["requires-python"] == f">={named[0]}"
    for version in named:
        (tmp_path / "bin").mkdir(exist_ok=True)
        alone = tmp_path / "bin" / f"python{version}"
        alone.symlink_to(sys.executable)
        assert Path(chosen(alone.parent).stdout.strip()).samefile(sys.executable), version
        alone.unlink()
