"""Apache with mod_auth_openidc, in the foreground, on a directory of its own.

Where it is not installed its tests are skipped and say so; with MSIDP_REQUIRE_APACHE=1 they fail.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from tests.support.instance import eventually

LIBRARIES = Path("/usr/lib/apache2/modules")
MODULES = ("mpm_event", "authz_core", "authn_core", "authz_user", "headers", "auth_openidc")
FRAME = """
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
User daemon
Group daemon
PidFile {directory}/apache.pid
ErrorLog {directory}/error.log
Mutex file:{directory}
DocumentRoot {directory}
"""


@contextmanager
def apache(port: int, configuration: str, page: str) -> Iterator[str]:
    """A running Apache with this configuration, which serves this page; its address."""
    if shutil.which("apache2") is None or not (LIBRARIES / "mod_auth_openidc.so").exists():
        message = (
            "no mod_auth_openidc on this machine (on Debian: apt-get install libapache2-mod-auth-openidc)"
        )
        if os.environ.get("MSIDP_REQUIRE_APACHE") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # started by root, it serves as another user
        file = Path(directory) / "page.html"
        file.write_text(page)
        file.chmod(0o644)  # whatever the umask is
        lines = [f"LoadModule {name}_module {LIBRARIES}/mod_{name}.so" for name in MODULES]
        file = Path(directory) / "apache.conf"
        file.write_text("\n".join([FRAME.format(port=port, directory=directory), *lines, configuration]))
        process = subprocess.Popen(["apache2", "-f", file, "-D", "FOREGROUND"])
        try:
            eventually(lambda: _answers(port, process), timeout=20, what="Apache answers")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _answers(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "Apache ended"
    try:
        requests.get(f"http://127.0.0.1:{port}/", timeout=5, allow_redirects=False)
    except requests.ConnectionError:
        return False
    return True
