"""Workers as `msidp worker` runs them, on a database that is filled from here: any number of endpoints."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import text
from tests.support.valkey import ValkeyServer

from bench import cpu
from msidp import clock, db, ids, migrating
from msidp.app import create_core
from msidp.communities import service as communities
from msidp.settings import Settings
from msidp.webhooks import outbox, secrets
from msidp.webhooks.models import WebhookEndpoint

MEMBER = {
    "member": {
        "id": "mem_01k0000000000000000000000",
        "auth": {"email": "bench@example.com"},
        "customFields": {f"field-{number}": "some text" for number in range(14)},
    },
    "displayName": None,
    "planName": None,
}  # about 600 bytes of body


class Fleet:
    """So many workers, and the site whose deliveries they make. Use it in a `with` statement."""

    def __init__(
        self, instance: Path, authority: Path | None = None, *, database_url: str = "", workers: int = 1
    ) -> None:
        """`authority` is the CA file behind the certificate of who receives its webhooks."""
        instance.mkdir(parents=True)
        self._count = workers
        self._valkey = ValkeyServer()
        self._settings = Settings(
            instance_dir=instance, database_url=database_url, redis_url=self._valkey.url,
            outbound_allow_networks=(ip_network("127.0.0.0/8"),), outbound_ca_file=authority,
        ).completed()  # fmt: skip
        self.app = create_core(self._settings)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.callback(self._valkey.stop)
        self._stack.enter_context(self.app.app_context())
        migrating.migrate()
        with db.transaction() as session:
            self.community_id = communities.ensure_default(session).id
        self.start()
        self._stack.callback(self.stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        db.dispose()
        self._stack.close()

    def environment(self) -> dict[str, str]:
        """What a process of this site needs to know."""
        return {
            **os.environ,
            **self._settings.environment(),
            "MSIDP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
            "MSIDP_OUTBOUND_CA_FILE": str(self._settings.outbound_ca_file),
        }

    def start(self) -> None:
        """Start the workers and wait until they listen."""
        log = self._settings.instance_dir / "workers.log"
        for _ in range(self._count):
            with log.open("ab") as output:
                self._workers.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "msidp", "worker"], env=self.environment(), stderr=output
                    )
                )
        deadline = time.monotonic() + 60
        while self._valkey.client.scard("rq:workers") < self._count:
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """End the workers without ceremony."""
        for process in self._workers:
            process.kill()
            process.wait()
        self._workers.clear()
        self._valkey.client.flushall()

    def cpu_seconds(self) -> float:
        """CPU time that the workers have used."""
        return cpu.cpu_seconds([process.pid for process in self._workers])

    def add_endpoints(self, urls: Sequence[str]) -> list[str]:
        """Endpoints that hear everything; their ids."""
        now = clock.now()
        with db.transaction() as session:
            made = [
                WebhookEndpoint(
                    id=(id_ := ids.new_id("whk")), community_id=self.community_id, name="bench", url=url,
                    dialect="memberstack", events=[], sealed_headers="",
                    secret=secrets.seal(id_, ids.new_webhook_secret()), created_at=now, updated_at=now,
                )
                for url in urls
            ]  # fmt: skip
            session.add_all(made)
        return [endpoint.id for endpoint in made]

    def publish(self, events: int = 1) -> dict[str, int]:
        """Something happens, so many times in one transaction; the doorbell rings behind it.

        Returns the events' ids, each with the moment when the commit was done.
        """
        with db.transaction() as session:
            made = [
                outbox.record(session, community_id=self.community_id, type="member.created", data=MEMBER)
                for _ in range(events)
            ]
        return dict.fromkeys(made, clock.now())

    def wait_until_settled(self, endpoint_ids: Sequence[str] = (), within: float = 300) -> None:
        """Wait until nothing is open any more, of these endpoints or of all."""
        query = "SELECT count(*) FROM delivery WHERE due_at IS NOT NULL"
        if endpoint_ids:
            query += f" AND endpoint_id IN ({', '.join(map(repr, endpoint_ids))})"
        deadline = time.monotonic() + within
        while self.ask(query):
            assert time.monotonic() < deadline, "deliveries are still open"
            time.sleep(0.05)

    def latencies(self, endpoint_ids: Sequence[str], committed: Mapping[str, int]) -> list[int]:
        """Milliseconds from these events' commits to the answer of every delivery to these endpoints."""
        query = """SELECT delivery.event_id, attempt.at + attempt.latency_ms FROM attempt
            JOIN delivery ON delivery.id = attempt.delivery_id WHERE delivery.status = 'succeeded'"""
        query += f" AND delivery.endpoint_id IN ({', '.join(map(repr, endpoint_ids))})"
        with db.reading() as session:
            rows = session.execute(text(query)).all()
        return [ended - committed[event_id] for event_id, ended in rows if event_id in committed]

    def ask(self, query: str) -> Any:
        """The one value that a query gives."""
        with db.reading() as session:
            return session.scalar(text(query))
