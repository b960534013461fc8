"""CPU time and memory of other processes, from the kernel (Linux)."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from bench.load import CONNECTIONS, Answer, Load

_SCHEDULED = 2  # CPUCLOCK_SCHED: all threads of a process, in nanoseconds


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue  # it has just ended
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def named(pids: list[int], prefix: str) -> list[int]:
    """Those whose name, as in ps, begins so."""
    return [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().startswith(prefix)]


def cpu_seconds(pids: list[int]) -> float:
    """CPU time that these processes have used since they started."""
    return sum(time.clock_gettime((~pid << 3) | _SCHEDULED) for pid in pids)


def cost_of(
    load: Load, requests: Sequence[bytes], pids: list[int], status: int = 200, connections: int = CONNECTIONS
) -> tuple[float, list[Answer]]:
    """CPU microseconds that these processes use for one request, and the answers, all of one status."""
    before = cpu_seconds(pids)
    answers = load.send(requests, connections)
    cost = (cpu_seconds(pids) - before) / len(requests) * 1e6
    assert {answer.status for answer in answers} == {status}, answers[0]
    return cost, answers


def pss(pid: int) -> int:
    """Bytes of memory, with shared pages divided among those who share them."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def name(pid: int) -> str:
    """As in ps."""
    return Path(f"/proc/{pid}/comm").read_text().strip()
