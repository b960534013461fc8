"""Take the pictures of the dashboard anew: docs/images/dashboard, and docs/dashboard-pages.md that shows them.

Starts an instance of its own, gives it members, plans, webhooks and a month's figures, and leaves nothing
behind. Run it by `make pictures` after the pages have changed.
"""

import base64
import json
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for what the tests and the other pictures take as well

from tests.support.browser import chromium, tab  # noqa: E402
from tests.support.receiver import Answer, Receiver  # noqa: E402
from tools.hosted_pages import MAX_SIZE, Instance, instance  # noqa: E402

from msidp import clock  # noqa: E402
from msidp.admin.transport import Transport  # noqa: E402
from msidp.dashboard.wording import as_title  # noqa: E402

PICTURES = ROOT / "docs" / "images" / "dashboard"
GALLERY = ROOT / "docs" / "dashboard-pages.md"
QUALITIES = (70, 50, 35, 20)  # the first that keeps a picture small enough
LOOKS: dict[str, tuple[Any, int]] = {
    "light": ("light", 1200),
    "dark": ("dark", 1200),
    "small": ("light", 390),
}
HEIGHT = {1200: 800, 390: 780}
NAMES = (
    "Ada Bergström", "Ben Okafor", "Chiara Rossi", "Daniel Weiss", "Elif Yılmaz", "Farid Haddad",
    "Grace Kim", "Hugo Martin", "Inés García", "Jonas Müller", "Kana Sato", "Leila Nouri",
)  # fmt: skip
EVERY = ("light", "dark", "small")
HEAD = """# Every page of the dashboard

As `make pictures` has found them, on an instance with a few members. [The dashboard](dashboard.md) says what each does.

"""


def seed(api: Transport, running: Instance, receiver: Receiver) -> dict[str, str]:
    """Something of each kind. Returns the pages to open, by the names of their pictures."""
    plans = [
        api.post("/plans", {"name": name, "description": text})["data"]["id"]
        for name, text in (("Reader", "Every article"), ("Supporter", "Articles, and the workshop"))
    ]
    receiver.script("/crm", *[Answer(500)] * 40)
    hooks = [
        api.post("/webhooks", {"name": name, "url": receiver.url(path), "dialect": dialect})["data"]["id"]
        for name, path, dialect in (("Newsletter", "/news", "memberstack"), ("CRM", "/crm", "standard"))
    ]
    members = []
    for number, name in enumerate(NAMES):
        body = {
            "email": f"{name.split()[0].lower()}@example.com".replace("é", "e"),
            "verified": number % 3 > 0,
            "profile": {"name": name},
            "plans": [{"planId": plans[number % 2]}] if number % 4 else [],
            "customFields": {"city": "Riverside"},
        }
        members.append(api.post("/members", body)["data"]["id"])
    fields = {"name": "Workshop wiki", "type": "web", "redirectUris": ["https://wiki.example.com/callback"]}
    application = api.post("/applications", fields)["data"]["id"]
    limits = {"grantTypes": ["authorization_code"], "redirectHosts": ["forum.example"], "maxUses": 20}
    api.post("/initial-access-tokens", {"name": "Partner programme", **limits})
    api.post("/event-types", {"name": "tool.borrowed", "description": "Somebody borrowed a tool"})
    api.post("/api-keys", {"name": "Website"})
    api.post("/operator-invitations", {"email": "kai@example.com", "role": "viewer", "mail": False})
    file = "email,name\nnew@example.com,Nora New\nada@example.com,Ada\nno address,Nobody\n"
    job = api.post("/members/import", {"source": "csv", "content": file})["data"]["id"]
    time.sleep(4)  # until the worker has delivered and tried the file
    history(running.directory, hooks)
    failed = api.get("/deliveries", {"webhook": hooks[1], "order": "DESC"})["data"][0]["id"]
    return {
        "overview": "?range=30d",
        "members": "/members",
        "member": f"/members/{members[2]}",
        "plans": "/plans",
        "applications": "/applications",
        "application": f"/applications/{application}",
        "initial-access-tokens": "/applications/initial-access-tokens",
        "api-keys": "/api-keys",
        "webhooks": "/webhooks",
        "webhook": f"/webhooks/{hooks[0]}?range=30d",
        "deliveries": "/deliveries",
        "deliveries-found": "/deliveries?q=chiara@example.com&from=2026-01-01",
        "delivery": f"/deliveries/{failed}",
        "events": "/events",
        "event-types": "/event-types",
        "import": f"/jobs/{job}",
        "jobs": "/jobs",
        "audit-log": "/audit-log",
        "keys": "/keys",
        "settings": "/settings",
        "branding": "/settings/branding",
        "mail": "/settings/mail",
        "tokens": "/settings/tokens",
        "health": "/health",
        "operators": "/operators",
        "account": "/account",
        "not-found": "/members/mem_none",
    }


def history(directory: str, hooks: list[str]) -> None:
    """A month of figures, and members who joined within it."""
    now, chance = clock.now(), random.Random(7)  # noqa: S311  # pictures
    with closing(sqlite3.connect(f"{directory}/msidp.db", timeout=30)) as database, database:
        [(community,)] = database.execute("SELECT id FROM community").fetchall()
        columns = [row[1] for row in database.execute("PRAGMA table_info(community_hour)")]
        for hours_ago in range(1, 30 * 24):
            hour = now - now % clock.HOUR - hours_ago * clock.HOUR
            busy = 1 + (hours_ago % 24 in range(6, 18)) * 2
            values = [
                community,
                hour,
                chance.randrange(2),
                0,
                chance.randrange(8) * busy,
                chance.randrange(2),
            ]
            marks = ", ".join("?" * len(columns))
            database.execute(f"INSERT OR IGNORE INTO community_hour VALUES ({marks})", values[: len(columns)])  # noqa: S608  # numbers
            for hook in hooks:
                sent = chance.randrange(20) * busy
                spans = [sent // 8, sent // 4, sent // 3, sent // 8, sent // 16, *[0] * 7]
                row = [hook, hour, sent, chance.randrange(2), 0, *spans]
                database.execute(
                    f"INSERT OR IGNORE INTO endpoint_hour VALUES ({', '.join('?' * len(row))})",  # noqa: S608  # numbers
                    row,
                )
        joined: dict[int, int] = {}
        for (seq,) in database.execute("SELECT seq FROM member ORDER BY seq DESC").fetchall():
            at = now - (seq * 7 % 29) * clock.DAY - seq * clock.HOUR
            seen = now - seq * 5 * clock.HOUR
            database.execute(
                "UPDATE member SET created_at = ?, last_login_at = ? WHERE seq = ?", (at, seen, seq)
            )
            joined[at - at % clock.HOUR] = 1
        database.execute("UPDATE community_hour SET joined = 0")
        for hour in joined:
            database.execute("UPDATE community_hour SET joined = 1 WHERE hour = ?", (hour,))


def enter(page: Page, running: Instance) -> None:
    """Become the first owner, as a person does."""
    made = subprocess.run(
        [sys.executable, "-m", "msidp", "operator", "create", "--email", "olga@example.com", "--json"],
        env=running.environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    page.goto(json.loads(made.stdout)["link"])
    page.get_by_label("Your name").fill("Olga Larsen")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url("**/dashboard")


def take(page: Page, cdp: CDPSession, name: str, look: str) -> None:
    """The page as it stands, in one look."""
    scheme, width = LOOKS[look]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": HEIGHT[width]})
    page.wait_for_timeout(100)  # until charts and menu have found their width
    height = page.evaluate("document.documentElement.scrollHeight")
    height = min(max(height, HEIGHT[width]), 1000)
    page.set_viewport_size({"width": width, "height": height})  # the menu is as high as the window
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    for quality in QUALITIES:
        options = {"format": "webp", "quality": quality, "clip": clip, "captureBeyondViewport": True}
        picture = base64.b64decode(cdp.send("Page.captureScreenshot", options)["data"])
        if len(picture) <= MAX_SIZE:
            (PICTURES / f"{name}-{look}.webp").write_bytes(picture)
            return
    raise SystemExit(f"{name} has {len(picture)} bytes")


def main() -> None:
    """Walk, take, and write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for former in PICTURES.glob("*.webp"):
        former.unlink()
    parts = []
    settings = {
        "MSIDP_OUTBOUND_ALLOW_HTTP": "1",
        "MSIDP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
        "MSIDP_WEBHOOK_RETRY_SCHEDULE": "0,1,1800,7200",
    }
    with (
        Receiver() as receiver,
        instance(role="owner", **settings) as running,
        chromium() as browser,
        tab(browser, running.base_url) as page,
    ):
        cdp = page.context.new_cdp_session(page)
        enter(page, running)
        pages = seed(Transport(running.secret_key, running.base_url, 15), running, receiver)
        for name, path in pages.items():
            page.goto(f"/dashboard{path}")
            looks = EVERY if name in ("overview", "deliveries", "member") else ("light",)
            for look in looks:
                take(page, cdp, name, look)
            title = as_title(name.replace("-", "_"))
            shown = (f"![{title}, {look}](images/dashboard/{name}-{look}.webp)" for look in looks)
            parts.append(f"## {title}\n\n`/dashboard{path.partition('?')[0]}`\n\n" + "\n".join(shown) + "\n")
        with tab(browser, running.base_url) as stranger:
            stranger.goto("/dashboard/sign-in")
            take(stranger, stranger.context.new_cdp_session(stranger), "sign-in", "light")
            parts.append(
                "## Sign in\n\n`/dashboard/sign-in`\n\n![Sign in, light](images/dashboard/sign-in-light.webp)\n"
            )
    GALLERY.write_text(HEAD + "\n".join(parts))


if __name__ == "__main__":
    main()
