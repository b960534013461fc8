"""The demo from the outside: the whole path on a real `msidp up`, its exit status, what it leaves behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from tests.support.instance import alive, descendants, environment, eventually
from tests.support.ports import free_port

from msidp.demo.steps import STEPS

TIMEOUT = 300  # seconds; a busy machine takes its time
# Of the member's life, as each dialect calls it.
EVENTS = {
    "memberstack member.created",
    "memberpad member.joined",
    "standard member.created",
    "memberstack member.updated",
    "memberstack member.plan.created",
    "memberpad subscription.created",
    "standard member.plan.canceled",
    "memberpad subscription.cancelled",
    "memberpad course.completed",
    "memberpad member.left",
    "standard member.deleted",
}


@contextmanager
def demo_on(directory: Path, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """A demo that is over when the block ends."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "msidp", "demo", *arguments],
        env=environment(MSIDP_INSTANCE_DIR=str(directory)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with demo:
        try:
            yield demo
        finally:
            demo.terminate()


def read_until(demo: "subprocess.Popen[str]", words: str) -> str:
    """What it prints up to the line with these words, or all of it."""
    assert demo.stdout is not None
    output = ""
    for line in demo.stdout:
        output += line
        if words in line:
            break
    return output


def test_every_step_succeeds(tmp_path: Path) -> None:
    with demo_on(tmp_path, "--exit", "--port", str(free_port())) as demo:
        output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 0, output
    assert "✗" not in output
    for title in (title for steps in STEPS.values() for title in steps):
        assert re.search(rf"^  ✓ {title} +\S", output, re.MULTILINE), (title, output)
    received = set(re.findall(r"→ (\w+ +\S+) +\d+ ms$", output, re.MULTILINE))
    assert {" ".join(line.split()) for line in received} >= EVENTS


def test_it_stays_up_until_it_is_interrupted(tmp_path: Path) -> None:
    """While somebody else has the usual port, and in place of what an earlier demo left behind."""
    left = tmp_path / "demo"
    left.mkdir()
    (left / "demo.log").touch()
    (left / "msidp.db").write_text("no database")
    with socket.socket() as taken, demo_on(tmp_path) as demo:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # then it is taken already
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        output = read_until(demo, "Ctrl-C")
        assert "✗" not in output, output
        processes = descendants(demo.pid)
        shown = re.findall(r"https?://\S+", output.partition("Now try it")[2])
        assert len(shown) >= 5
        assert not [address for address in shown if ":8000" in address]
        for address in shown:
            assert requests.get(address, timeout=10).status_code == 200, address
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 0, rest
    assert "✓ msidp up" in rest
    assert processes
    assert not [pid for pid in processes if alive(pid)]


def test_a_killed_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo_on(tmp_path, "--port", str(free_port())) as demo:
        read_until(demo, "ready in")
        processes = eventually(lambda: descendants(demo.pid))
        os.kill(demo.pid, signal.SIGKILL)
    eventually(lambda: not [pid for pid in processes if alive(pid)], what="the end of every process")


def test_a_failed_start_is_told(tmp_path: Path) -> None:
    """What stands where the demo's instance would be is somebody's, and stays."""
    precious = tmp_path / "demo" / "msidp.db"
    precious.parent.mkdir()
    precious.touch()
    with demo_on(tmp_path, "--exit", "--port", str(free_port())) as demo:
        output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 1
    assert re.search(r"^  ✗ msidp up ", output, re.MULTILINE), output
    assert "left alone" in " ".join(output.split())
    assert precious.exists()
