"""What is kept of a receiver's answers."""

from msidp.outbound.exchange import SHORT, remembering


def test_long_heads_are_not_remembered() -> None:
    seen: list[int] = []

    @remembering
    def size(head: tuple[bytes, ...]) -> int:
        seen.append(len(head))
        return len(head)

    for length in (SHORT, SHORT, SHORT + 1, SHORT + 1):
        assert size((b"a: b",) * length) == length
    assert seen == [SHORT, SHORT + 1, SHORT + 1]
