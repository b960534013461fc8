"""A mail server that keeps what it gets and refuses what a test tells it to."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class MailServer:
    """Listens on 127.0.0.1. `mails` are the messages taken, `envelopes` their senders and recipients.

    `answer(step, argument)` is asked at MAIL, RCPT and DATA: a string is the reply, None means yes. It runs
    in the server's thread. `tls` is spoken from the first byte (`smtps`) or offered (`starttls`).
    """

    def __init__(
        self,
        *,
        smtps: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        password: str = "",
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.encrypted: list[bool] = []
        self.sessions: set[Any] = set()
        self.answer: Callable[[str, str], str | None] = lambda _step, _argument: None
        self.port = 0
        self._smtps = smtps
        self._options: dict[str, Any] = {
            "tls_context": starttls,
            "enable_SMTPUTF8": True,
            "authenticator": _authenticator(password) if password else None,
            "auth_required": bool(password),
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(
            lambda: SMTP(self, loop=self._loop, **self._options), "127.0.0.1", 0, ssl=self._smtps
        )

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    # What aiosmtpd calls.

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.answer("MAIL", address):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.answer("RCPT", address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        if refusal := self.answer("DATA", content.decode()):
            return refusal
        assert envelope.mail_from is not None
        self.mails.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.encrypted.append(self._smtps is not None or session.ssl is not None)
        self.sessions.add(session.peer)
        return "250 OK"


def _authenticator(password: str) -> Callable[..., AuthResult]:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if isinstance(data, LoginPassword) and data.password == password.encode():
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False)

    return check


class StuckServer:
    """Takes connections, says hello if it is told to, with a pause after each byte, and then nothing."""

    def __init__(self, greeting: bytes = b"", pause: float = 0) -> None:
        self._pause = pause
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._greeting = greeting
        self._taken: list[Any] = []
        self.url = f"smtp://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            self._taken.append(taken)
            with suppress(OSError):  # it was hung up
                for byte in self._greeting:
                    taken.sendall(bytes([byte]))
                    time.sleep(self._pause)

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for taken in self._taken:
            taken.close()
