"""What no token endpoint can do without: a signature, and a commit that survives a power cut."""

import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ROUNDS = 5
TIMES = 50  # a round


def signature() -> float:
    """CPU microseconds of one RS256 signature."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _median(lambda: key.sign(b"x" * 600, padding.PKCS1v15(), hashes.SHA256()))


def commit(directory: Path) -> float:
    """CPU microseconds of one SQLite commit with `synchronous = FULL`, as msidp's database has it."""
    connection = sqlite3.connect(directory / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE row (text TEXT)")

    def insert() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO row VALUES (?)", ("x" * 200,))
        connection.execute("COMMIT")

    try:
        return _median(insert)
    finally:
        connection.close()


def _median(act: Callable[[], object]) -> float:
    costs = []
    for _ in range(ROUNDS):
        before = time.process_time()
        for _ in range(TIMES):
            act()
        costs.append((time.process_time() - before) / TIMES * 1e6)
    return statistics.median(costs)
