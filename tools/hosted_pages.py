"""Take the pictures of the hosted pages anew: docs/images/pages, and docs/pages.md that shows them.

Starts an instance of its own as `msidp up` does, walks through it in Chromium, and leaves nothing behind. Run
it by `make pictures` after the pages have changed.
"""

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import CDPSession, Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for the tour, which the tests take as well

from tests.support.browser import Phone, chromium, tab  # noqa: E402
from tests.support.hands import Pointer  # noqa: E402
from tests.support.ports import free_port  # noqa: E402
from tests.support.tour import Tour  # noqa: E402

PICTURES = ROOT / "docs" / "images" / "pages"
GALLERY = ROOT / "docs" / "pages.md"
MAX_SIZE = 60_000
QUALITY = 65
LOOKS = (("light", "light", 720), ("dark", "dark", 720), ("small", "light", 320))
HEAD = """# Every hosted page

As `make pictures` has found them on a fresh instance: on a desk, in light and dark, and on a screen of 320 pixels.
[Hosted pages](hosted-pages.md) says what each does.

| | light | dark | 320 pixels |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Instance:
    """A running instance, and a secret key of it."""

    base_url: str
    secret_key: str
    directory: str
    environment: dict[str, str]


@contextmanager
def instance(role: str = "admin", **extra: str) -> Iterator[Instance]:
    """An instance with these settings and a key of this role. It is deleted afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        settings = {
            "MSIDP_INSTANCE_DIR": directory,
            "MSIDP_BASE_URL": f"http://localhost:{port}",  # browsers keep passkeys for names alone
            "MSIDP_SIGN_UP_PROOF": "1",
        }
        environment = {**os.environ, **settings, **extra}
        msidp = [sys.executable, "-m", "msidp"]
        subprocess.run([*msidp, "migrate"], env=environment, check=True, capture_output=True)
        subprocess.run([*msidp, "community", "show"], env=environment, check=True, capture_output=True)
        with closing(sqlite3.connect(f"{directory}/msidp.db")) as database, database:
            database.execute("UPDATE community SET name = 'Riverside Makers'")
        made = subprocess.run(
            [*msidp, "api-key", "create", "--name", "pictures", "--role", role, "--json"],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        up = subprocess.Popen(
            [*msidp, "up", "--port", str(port)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            if not any(line.startswith("ready: ") for line in up.stdout or ()):
                raise SystemExit("msidp up did not start")
            secret_key = json.loads(made.stdout)["secretKey"]
            yield Instance(settings["MSIDP_BASE_URL"], secret_key, directory, environment)
        finally:
            up.terminate()
            up.communicate()


def take(page: Page, cdp: CDPSession, name: str) -> None:
    """The page as it stands, in each look."""
    for look, scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 560})
        height = page.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)")
        clip = {"x": 0, "y": 0, "width": width, "height": min(max(height, 560), 1000), "scale": 1}
        options = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True}
        picture = base64.b64decode(cdp.send("Page.captureScreenshot", options)["data"])
        if len(picture) > MAX_SIZE:
            raise SystemExit(f"{name} has {len(picture)} bytes")
        (PICTURES / f"{name}-{look}.webp").write_bytes(picture)


def main() -> None:
    """Walk, take, and write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for former in PICTURES.glob("*.webp"):
        former.unlink()
    rows = []
    with instance() as running, chromium() as browser, tab(browser, running.base_url) as page:
        base_url, secret_key = running.base_url, running.secret_key
        phone, cdp = Phone(page), page.context.new_cdp_session(page)
        for name in Tour(page, Pointer(page), base_url, secret_key, presence=phone.answers):
            take(page, cdp, name)
            title = page.title().rpartition(" – ")[0] or page.title()
            path = re.sub(r"[?].*", "", page.url.removeprefix(base_url))
            cells = (f"![{title}, {look}](images/pages/{name}-{look}.webp)" for look, _, _ in LOOKS)
            rows.append(f"| {title}<br>`{path}` | {' | '.join(cells)} |\n")
    GALLERY.write_text(HEAD + "".join(rows))


if __name__ == "__main__":
    main()
