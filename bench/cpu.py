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
    return [pid for pid in pids if name(pid).startswith(prefix)]


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
    """Bytes of memory, with shared pages divided among those who share them; 0 once it has ended."""
    found = re.search(r"^Pss:\s+(\d+) kB", _told(pid, "smaps_rollup"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def name(pid: int) -> str:
    """As in ps; nothing once it has ended."""
    return _told(pid, "comm").strip()


def _told(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
