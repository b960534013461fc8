"""The drain: what is due is delivered, however it ends is recorded, and nobody waits for the slowest."""

from tests.support.receiver import Receiver
from tests.webhooks.support import add_endpoint, attempts, delivery, happen

from msidp.webhooks.drain import drain


def test_an_event_is_delivered(app, community_id: str, receiver: Receiver) -> None:
    add_endpoint(community_id, receiver.url())
    happen(community_id)
    drain()
    assert len(receiver.requests) == 1
    assert delivery().status == "succeeded"
    assert len(attempts()) == 1
