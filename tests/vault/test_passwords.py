"""Password hashing: what is accepted, that every refusal costs the same, that the pool is bounded."""

import os
import sys
import threading
import time

import argon2
import pytest

from msidp.errors import Busy, Invalid
from msidp.vault import passwords
from msidp.vault.passwords import (
    NICENESS,
    HashingPool,
    check_new,
    hash_password,
    needs_rehash,
    verify_password,
)

UNUSABLE = [
    "",
    "short",
    "x" * 257,
    "nul\0password",
    "half\ud800surrogate",
    "not\ufffdutf-8",
    "é" * 257,
    "e" + "\u0301" * 5000,
]


def test_right_and_wrong() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password("correct horse", stored)
    assert not verify_password("correct horsf", stored)
    assert not verify_password("correct horse", None)
    assert not verify_password("correct horse", "no hash")


def test_lengths_and_spaces_are_the_persons_own() -> None:
    for password in ("12345678", "x" * 256, "  spaces  ", "pässwörd", "пароль—😀"):
        assert verify_password(password, hash_password(password))
    assert not verify_password("spaces", hash_password("  spaces  "))


def test_devices_that_compose_differently_agree() -> None:
    assert verify_password("cafe\u0301 noir", hash_password("caf\u00e9 noir"))


@pytest.mark.parametrize("password", UNUSABLE)
def test_unusable_passwords(password: str) -> None:
    with pytest.raises(Invalid):
        check_new(password)
    with pytest.raises(Invalid):
        hash_password(password)
    assert not verify_password(password, hash_password("correct horse"))


def test_a_long_password_is_not_cut() -> None:
    stored = hash_password("x" * 256)
    assert not verify_password("x" * 257, stored)
    assert not verify_password("x" * 5000, stored)


class Counting:
    """Counts the verifications that argon2 really does."""

    def __init__(self, real: argon2.PasswordHasher) -> None:
        self.real = real
        self.verified: list[str] = []

    def verify(self, stored: str, password: str) -> bool:
        self.verified.append(stored)
        return self.real.verify(stored, password)


@pytest.mark.parametrize("password", ["correct horse", *UNUSABLE])
@pytest.mark.parametrize("known", [True, False])
def test_every_check_costs_one_verification(
    monkeypatch: pytest.MonkeyPatch, password: str, known: bool
) -> None:
    stored = hash_password("another one") if known else None
    counting = Counting(passwords._argon2)
    monkeypatch.setattr(passwords, "_argon2", counting)
    assert not verify_password(password, stored)
    assert [entry.split("$")[3] for entry in counting.verified] == ["m=19456,t=2,p=1"]


def test_old_parameters_are_noticed() -> None:
    assert not needs_rehash(hash_password("correct horse"))
    assert needs_rehash(argon2.PasswordHasher(time_cost=1, memory_cost=8192).hash("correct horse"))


def test_the_pool_is_bounded() -> None:
    pool = HashingPool(turns=2, places=2, max_wait=30)
    inside, most, refused = 0, 0, []
    lock, leave = threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal inside, most
        try:
            with pool.turn():
                with lock:
                    inside += 1
                    most = max(most, inside)
                leave.wait(30)
                with lock:
                    inside -= 1
        except Busy as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(refused) < 6 and time.monotonic() < deadline:
        time.sleep(0.005)
    leave.set()
    for thread in threads:
        thread.join()
    assert (most, len(refused)) == (2, 6)
    assert refused[0].headers == {"Retry-After": "5"}
    with pool.turn(), pool.turn():  # every place was given back
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the niceness is the process's there")
def test_hashing_steps_back_behind_everything_else() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)  # this thread's

    usual = niceness()
    pool = HashingPool(turns=1, places=0, max_wait=30)
    assert [pool.run(niceness), pool.run(niceness)] == [min(usual + NICENESS, 19)] * 2
    assert niceness() == usual


def test_a_wait_for_a_turn_ends() -> None:
    pool = HashingPool(turns=1, places=5, max_wait=0.01)
    with pool.turn(), pytest.raises(Busy), pool.turn():
        pass
    with pool.turn():
        pass
