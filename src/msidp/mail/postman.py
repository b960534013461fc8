"""The postman: the RQ job that the doorbell asks for, and the thread in which it sends what is due.

The job wakes this process's postman and ends, so that a slow mail server holds no other job up. He connects
first and claims one mail after the other then: while the server is away no mail loses an attempt.
"""

import threading

import structlog
from flask import Flask, current_app

from msidp import clock, queue
from msidp.db import reading, transaction
from msidp.mail import delivery, smtp
from msidp.mail_server import MailServer
from msidp.outages import Outage
from msidp.present import present_app
from msidp.settings import Settings

BATCH = 50  # mails over one connection
LEASES = 2  # a lease lasts as long as this many attempts may take
PATIENCE = 10.0  # seconds that the mail in hand has when the process is asked to end

_making = threading.Lock()
log = structlog.get_logger(__name__)


def post() -> None:
    """Have what is due sent. Needs an application context; returns at once."""
    app = present_app()
    with _making:
        if "msidp_postman" not in app.extensions:
            app.extensions["msidp_postman"] = Postman(app)
        postman: Postman = app.extensions["msidp_postman"]
    postman.wake()


def finish() -> None:
    """Wait for the mail in hand. Called once `queue.stopping` is set, after which none is taken up."""
    if "msidp_postman" in current_app.extensions:
        postman: Postman = current_app.extensions["msidp_postman"]
        postman.rest(PATIENCE)


class Postman:
    """One process's postman."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._settings: Settings = app.extensions["msidp_settings"]
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._called = False
        self._outage = Outage("mail")

    def wake(self) -> None:
        """Have him look for mail, once more where he is under way."""
        with self._lock:
            self._called = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mail", daemon=True)
                self._thread.start()

    def rest(self, seconds: float) -> None:
        """Wait until he has nothing to do."""
        if (thread := self._thread) is not None:
            thread.join(seconds)

    def _work(self) -> None:
        with self._app.app_context():
            while self._is_called():
                try:
                    while self._round():
                        pass
                    self._outage.is_over()
                except Exception as error:  # what he had in hand comes back by its lease
                    if not self._outage.explains(error):
                        log.exception("the postman broke off")

    def _is_called(self) -> bool:
        with self._lock:
            called, self._called = self._called, False
            if not called or queue.stopping.is_set():
                self._thread = None
                return False
            return True

    def _round(self) -> bool:
        """Send what is due over one connection. Tells whether another round is worth it."""
        server = self._settings.mail_server
        if server is None or queue.stopping.is_set():
            return False
        with reading() as session:
            if not delivery.is_due(session, clock.now()):
                return False
        try:
            with smtp.connection(server, self._settings) as client:
                for _ in range(BATCH):
                    if queue.stopping.is_set() or not send_one(client, server, self._settings):
                        return False
        except smtp.Unavailable as error:
            log.warning("the mail server is not available", error=str(error))
            return False
        return True


def send_one(client: smtp.Connection, server: MailServer, settings: Settings) -> bool:
    """Claim one mail and hand it over. Tells whether the next one can be sent over the same connection."""
    lease = round(LEASES * server.timeout * clock.SECOND)
    with transaction() as session:
        claimed = delivery.claim(session, clock.now(), lease)
    if claimed is None:
        return False
    try:
        if claimed.letter is None:
            raise smtp.Refused("No secret key at hand opens it.", final=True)
        message = smtp.compose(settings, claimed.id, claimed.recipient, claimed.letter)
        smtp.hand_over(client, message, server.timeout)
    except smtp.Refused as refusal:
        with transaction() as session:
            lost = delivery.refused(session, claimed, clock.now(), str(refusal), final=refusal.final)
        log.warning("a mail was refused", mail_id=claimed.id, error=str(refusal), given_up=lost)
        return client.sock is not None
    with transaction() as session:
        delivery.sent(session, claimed, clock.now())
    log.info("mailed", mail_id=claimed.id, template=claimed.template)
    return True
