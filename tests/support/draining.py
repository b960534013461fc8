"""What a worker does when the bell rings, until there is nothing left to do."""

from flask import current_app

from msidp.webhooks import drain as draining


def drain() -> None:
    """Deliver what is due. Raises what ended the feed, if something did."""
    draining.wake()
    draining.finish()
    assert current_app.extensions["msidp_engine"].rests()
