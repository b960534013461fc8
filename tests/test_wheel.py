"""What is shipped: the wheel holds the server's files, the SDK alone needs none of them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.support.instance import environment

ROOT = Path(__file__).parent.parent
UV = ROOT / ".tools" / "bin" / "uv"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True,
        capture_output=True,
    )  # fmt: skip
    [built] = folder.glob("*.whl")
    return built


def uv(*arguments: str | Path) -> None:
    env = {"UV_CACHE_DIR": str(ROOT / ".tools" / "uv-cache"), **os.environ}
    done = subprocess.run([UV, *arguments], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def install(requirement: str, folder: Path) -> Path:
    """A new environment with the locked versions of what is asked for; its interpreter."""
    uv("venv", "--python", sys.executable, folder)
    uv("pip", "install", "--python", folder, "--constraint", ROOT / "requirements.lock", requirement)
    return folder / "bin" / "python"


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "msidp").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    migrations = {f"msidp/{path.relative_to(ROOT)}" for path in (ROOT / "migrations").glob("*.*")}
    assert package | migrations <= names
    assert not any(name.startswith(("tests/", "bench/")) for name in names)


def test_the_server_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    python = install(f"msidp[server] @ {wheel.as_uri()}", tmp_path / "server")
    env = environment(MSIDP_INSTANCE_DIR=str(tmp_path / "instance"))
    done = subprocess.run(
        [python.parent / "msidp", "migrate"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    program = (
        "from msidp.app import create_app\n"
        "client = create_app().test_client()\n"
        "ready, page, style = client.get('/readyz'), client.get('/login'), client.get('/static/pages.css')\n"
        "print(ready.json['checks']['migrations']['ok'], page.status_code, style.status_code)\n"
    )
    done = subprocess.run(
        [python, "-c", program], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["True", "200", "200"], done.stderr


def test_the_sdk_comes_without_the_server(wheel: Path, tmp_path: Path) -> None:
    python = install(f"msidp @ {wheel.as_uri()}", tmp_path / "sdk")
    program = (
        "import importlib.util, msidp.admin\n"
        "msidp.admin.AdminClient(api_key='sk_x', base_url='https://id.example.com')\n"
        "names = ('flask', 'sqlalchemy', 'rq', 'granian')\n"
        "print([name for name in names if importlib.util.find_spec(name)])\n"
    )
    done = subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
    done = subprocess.run(
        [python.parent / "msidp"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'msidp[server]'" in done.stderr
    assert "Traceback" not in done.stderr
