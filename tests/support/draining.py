"""What a worker does when the bell rings, until there is nothing left to do."""

from collections.abc import Sequence

from flask import current_app

from msidp.webhooks import drain as draining


def drain() -> None:
    """Deliver what is due. Raises what ended the feed, if something did."""
    draining.wake()
    draining.finish()
    assert current_app.extensions["msidp_engine"].rests()


def drain_together(engines: Sequence[draining.Engine]) -> None:
    """Have these deliver what is due, each in its thread, as in a process of its own."""
    for engine in engines:
        engine.wake()
    for engine in engines:
        engine.finish()
        assert engine.rests()
