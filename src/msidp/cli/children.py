"""Processes that end with the one that started them, however that one ends."""

import ctypes
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import click

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent`, its parent, is gone (Linux, prctl(2)).

    Elsewhere this does nothing: there, a supervisor that was killed leaves its children behind.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it went while we were asking
        os._exit(1)


def name_process(name: str) -> None:
    """Be called `name` in ps and top (at most 15 bytes)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def allow_files(wanted: int) -> int:
    """Let this process have so many descriptors at once, or as many as the system does. Returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def reset_signals() -> None:
    """Give the signals that end a process their usual effect again, and let them through."""
    for number in _HANDLED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)


def fork(name: str, run: Callable[[], object]) -> int:
    """Run a function in a child process that ends with us, and return its process id.

    The child shares our modules' memory, which is why it is forked and not started anew. It is in a
    session of its own, so that Ctrl-C reaches the supervisor alone.
    """
    parent = os.getpid()
    # Until the child has handlers of its own, a signal to it waits: ours would swallow it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    child = os.fork()
    if not child:
        _become(name, run, parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return child


def _become(name: str, run: Callable[[], object], parent: int) -> NoReturn:
    status = 1
    try:
        die_with(parent)
        os.setsid()
        name_process(name)
        signal.set_wakeup_fd(-1)
        reset_signals()
        run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except click.ClickException as error:
        error.show()
    except BaseException:  # noqa: BLE001  # the last line of a process: nobody else would report it
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # whatever becomes of the last words, this process ends here
                stream.flush()
        os._exit(status)
