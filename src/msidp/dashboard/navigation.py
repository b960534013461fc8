"""The dashboard's menu."""

from dataclasses import dataclass

from msidp.communities.roles import Role
from msidp.dashboard.frame import HOME


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu, for who has the role."""

    name: str
    path: str
    icon: str
    role: Role = "viewer"

    def is_open(self, path: str) -> bool:
        """Whether the page at `path` belongs here."""
        return path == self.path or (self.path != HOME and path.startswith(f"{self.path}/"))


NAVIGATION: tuple[tuple[str | None, tuple[Entry, ...]], ...] = (
    (None, (Entry("Overview", HOME, "home"),)),
    (
        "Community",
        (Entry("Members", f"{HOME}/members", "users"), Entry("Plans", f"{HOME}/plans", "credit-card")),
    ),
    ("Single sign-on", (Entry("Applications", f"{HOME}/applications", "apps"),)),
    (
        "Developer API",
        (
            Entry("API keys", f"{HOME}/api-keys", "key"),
            Entry("Webhooks", f"{HOME}/webhooks", "webhook"),
            Entry("Deliveries", f"{HOME}/deliveries", "send"),
            Entry("Events", f"{HOME}/events", "bolt"),
        ),
    ),
    (
        "Operation",
        (
            Entry("Jobs", f"{HOME}/jobs", "list-check"),
            Entry("Audit log", f"{HOME}/audit-log", "history"),
            Entry("Signing keys", f"{HOME}/keys", "certificate"),
            Entry("Settings", f"{HOME}/settings", "settings"),
            Entry("Health", f"{HOME}/health", "heartbeat"),
            Entry("Operators", f"{HOME}/operators", "user-shield", "owner"),
        ),
    ),
)
