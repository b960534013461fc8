"""Webhooks: endpoints, the outbox, dialects, signatures, and the engine that delivers.

The promise: an event is recorded in the transaction of the change that caused it, and from its commit
on every subscribed endpoint sees it at least once, or its delivery stands visibly as exhausted. The
database is the truth; the queue is the doorbell. Other features call `outbox.record`, nothing else.
"""
