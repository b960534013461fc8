"""Long answers to slow readers, over real sockets: neither memory nor threads are spent on them."""

import json
import socket
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import requests
from tests.support.instance import Instance, eventually

MEMBERS = 12_000
HEAVY = json.dumps({"note": "x" * 4_000})


def fill(directory: Path) -> None:
    """Make many members of one: about 50 MB of them."""
    with closing(sqlite3.connect(directory / "msidp.db", timeout=30)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(member)") if row[1] != "seq"]
        changed = {"id": "'mem_' || n", "email_key": "n || '@example.com'", "meta_data": f"'{HEAVY}'"}
        values = ", ".join(changed.get(name, f'member."{name}"') for name in names)
        connection.execute(
            f"INSERT INTO member ({', '.join(names)}) "  # noqa: S608  # names of the table
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
            f"WHERE n < {MEMBERS}) "
            f"SELECT {values} FROM numbers, member"
        )


def memory(instance: Instance) -> int:
    """What the process that answers has of its own, in bytes."""
    text = Path(f"/proc/{instance.pids()['web-1']}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) * 1024


def test_readers_who_take_their_time_cost_nothing(tmp_path: Path) -> None:
    with Instance(tmp_path / "instance") as instance, ExitStack() as stack:
        key = instance.command("api-key", "create", "--name", "export")["secretKey"]
        headers = {"X-API-KEY": key}
        requests.post(
            f"{instance.base_url}/members", headers=headers, json={"email": "a@example.com"}, timeout=5
        )
        fill(instance.directory)
        request = f"GET /members/export HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\n\r\n".encode()
        before = memory(instance)
        slow = []
        for _ in range(8):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", instance.port), timeout=20)
            )
            connection.sendall(request)
            assert connection.recv(12) == b"HTTP/1.1 200"  # it begins at once
            slow.append(connection)
        assert requests.get(f"{instance.base_url}/healthz", timeout=5).status_code == 200
        assert memory(instance) - before < 100_000_000  # eight times 50 MB would be 400
        for connection in slow:
            connection.close()

        def whole() -> bool:  # those who left make room
            with requests.get(f"{instance.base_url}/members/export", headers=headers, timeout=20) as answer:
                return len(answer.content.splitlines()) == MEMBERS + 1

        eventually(whole)
