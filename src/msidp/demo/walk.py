"""What the steps of the demo share: the servers, the clients, and what has been made so far."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from msidp.admin import AdminClient
from msidp.demo.browser import Browser
from msidp.demo.client_app import ClientApp, Login
from msidp.demo.receiver import Delivery, Receiver
from msidp.demo.server import Server
from msidp.demo.show import milliseconds
from msidp.demo.web import Web


@dataclass
class Walk:
    """What the steps share. The later fields are set by the steps themselves."""

    server: Server
    receiver: Receiver = field(default_factory=Receiver)
    browser: Browser = field(default_factory=Browser)
    email: str = field(default_factory=lambda: f"ada.{secrets.token_hex(4)}@example.com")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    api_key: str = ""
    plan_id: str = ""
    member_id: str = ""
    sdk: AdminClient = field(init=False)
    app: ClientApp = field(init=False)
    login: Login = field(init=False)
    webhook_ids: dict[str, str] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    _web: Web = field(default_factory=Web)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the Admin API for what is not a member: the SDK is for members."""
        headers = {"X-API-KEY": self.api_key}
        answer = self._web.send(method, self.server.base_url + path, headers=headers, json_body=body)
        return answer.expect(200, 201).json

    def hears(self, about: str, since: float, *, memberstack: str = "", memberpad: str = "") -> list[str]:
        """Wait until the event, so called by these dialects, is in every one's hands; tell how long it took.

        The standard dialect uses Memberstack's name, or MemberPad's where Memberstack has none.
        """
        names = {"memberstack": memberstack, "memberpad": memberpad, "standard": memberstack or memberpad}
        wanted = {dialect: name for dialect, name in names.items() if name}
        found = self.receiver.expect(wanted, about, since=since)
        self.deliveries += found
        return [
            f"→ {delivery.dialect:<12}{delivery.event.type:<24}{milliseconds(delivery.arrived - since):>7}"
            for delivery in found
        ]

    def stop(self) -> None:
        """Stop the demo's own servers."""
        self.receiver.stop()
        if hasattr(self, "app"):
            self.app.stop()
