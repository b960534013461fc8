"""SMTP: a connection to the mail server, the message, and what a refusal means.

The server is the operator's own choice, as the database is: no address guard stands in between.
"""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import formatdate, parseaddr
from urllib.parse import urlsplit

import idna

from msidp import clock
from msidp.mail.letters import Letter
from msidp.mail_server import MailServer
from msidp.settings import Settings

_EXCERPT = 300  # characters kept of what a server says
_LOCAL_PART = re.compile(r'[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+')
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")
_FAILURES = (OSError, smtplib.SMTPException, ValueError)  # ValueError: what it says is not SMTP


class Unavailable(Exception):
    """No mail can be handed over now, whichever: no connection, no TLS, no log-in."""


class Refused(Exception):
    """This mail was not taken. `final`: another try would end alike."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


@contextmanager
def connection(server: MailServer, settings: Settings) -> Iterator["Connection"]:
    """A connection over which mails can be sent. Raises Unavailable with what the server said."""
    try:
        client = _connect(server, settings)
    except _FAILURES as error:
        raise Unavailable(_words(error)) from None
    try:
        yield client
    finally:
        _leave(client)


def hand_over(client: "Connection", message: EmailMessage, seconds: float) -> None:
    """Give the server this message within so many seconds. Raises Refused."""
    sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    try:
        with _deadline(client, seconds):
            client.send_message(message, sender, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        [(code, said)] = error.recipients.values()
        raise Refused(_said(code, said), final=500 <= code < 600) from None
    except smtplib.SMTPSenderRefused as error:  # the sender is a setting: it can be mended
        raise Refused(_words(error), final=False) from None
    except smtplib.SMTPDataError as error:
        raise Refused(_words(error), final=500 <= error.smtp_code < 600) from None
    except smtplib.SMTPNotSupportedError:
        raise Refused("The mail server takes no addresses in Unicode (SMTPUTF8).", final=True) from None
    except _FAILURES as error:
        raise Refused(_words(error), final=False) from None


def compose(settings: Settings, mail_id: str, recipient: str, letter: Letter) -> EmailMessage:
    """The message of a letter, the same at every attempt but for its date.

    The library refuses line ends in headers and encodes the rest; an address is given in its parts. Raises
    Refused for an address that cannot stand in a header.
    """
    sender = sender_address(settings)
    message = EmailMessage(policy=POLICY)
    message["From"] = Address(parseaddr(settings.mail_from)[0] or _line(letter.sender), addr_spec=sender)
    message["To"] = _recipient(recipient)
    message["Subject"] = _line(letter.subject)
    message["Date"] = formatdate(clock.seconds(clock.now()))
    message["Message-ID"] = f"<{mail_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices, please
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def sender_address(settings: Settings) -> str:
    """The address that mails come from."""
    return parseaddr(settings.mail_from)[1] or f"no-reply@{_own_name(settings)}"


class Connection(smtplib.SMTP):
    """A connection that another thread can cut, from its first byte on."""

    _line: socket.socket | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]  # smtplib's hook
        self._line = made.dup()  # wrapped in TLS the socket is another object, and while that begins none
        return made

    def close(self) -> None:
        super().close()
        if self._line is not None:
            self._line.close()

    def cut(self) -> None:
        """End what is going on: who waits for the server hears that it hung up."""
        try:
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already


class _Encrypted(smtplib.SMTP_SSL, Connection):
    """The same in TLS."""


def _connect(server: MailServer, settings: Settings) -> Connection:
    """A connection that is ready for mails within the server's time-out, however it drips its words."""
    context = ssl.create_default_context()
    if settings.outbound_ca_file:
        context.load_verify_locations(settings.outbound_ca_file)
    name, timeout = _own_name(settings), server.timeout
    client = (
        _Encrypted(local_hostname=name, timeout=timeout, context=context)
        if server.tls
        else Connection(local_hostname=name, timeout=timeout)
    )
    client._host = server.host  # type: ignore[attr-defined]  # noqa: SLF001  # whose certificate it must be; connect() alone forgets it
    try:
        with _deadline(client, timeout):
            client.connect(server.host, server.port)
            client.ehlo_or_helo_if_needed()
            if not server.tls and server.starttls != "off":
                _start_tls(client, context, required=server.starttls == "required")
            if server.user:
                client.login(server.user, server.password)
    except BaseException:
        client.close()
        raise
    return client


@contextmanager
def _deadline(client: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection unless the block ends in time."""
    watchdog = threading.Timer(seconds, client.cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _start_tls(client: smtplib.SMTP, context: ssl.SSLContext, *, required: bool) -> None:
    if required or client.has_extn("starttls"):
        client.starttls(context=context)
        client.ehlo()


def _leave(client: Connection) -> None:
    try:
        with _deadline(client, client.timeout):
            client.quit()
    except _FAILURES:
        client.close()


def _own_name(settings: Settings) -> str:
    """What this machine calls itself; asking the resolver could take long."""
    name = urlsplit(settings.base_url).hostname or ""
    return name if "." in name and not name.rpartition(".")[2].isdecimal() else "localhost"


def _recipient(address: str) -> Address:
    """The address with its domain in punycode: only a local part in Unicode needs SMTPUTF8."""
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        ascii_domain = ""
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(ascii_domain):
        raise Refused("This is no address that mail can be sent to.", final=True)
    return Address(username=local, domain=ascii_domain)


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return (_line(str(error)) or type(error).__name__)[:_EXCERPT]


def _said(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {_line(text)}"[:_EXCERPT]
