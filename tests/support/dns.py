"""A DNS server on loopback whose answers change as a test likes, and a resolver that asks it."""

import socket
import threading
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset


class DnsServer:
    """Answers A and AAAA queries over UDP from `zone`. Use it as a context manager.

    A name's answer is a list of addresses; None lets the asker wait for ever; an unknown name does not exist.
    `queries` are the names that were asked for.
    """

    def __init__(self, **zone: list[str] | None) -> None:
        self.zone = {f"{name}.example": answer for name, answer in zone.items()}
        self.queries: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.sendto(b"", self._socket.getsockname())  # an empty datagram ends it
        self._thread.join(5)
        self._socket.close()

    def lookup(self, host: str) -> list[str]:
        """What `Client` takes for a `lookup`: addresses of both kinds, as the system gives them."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self._socket.getsockname()[1]
        resolver.cache = None
        resolver.lifetime = 3
        try:
            return [
                record.to_text()
                for kind in ("A", "AAAA")
                for record in resolver.resolve(host, kind, raise_on_no_answer=False)
            ]
        except dns.exception.DNSException as error:
            raise OSError(str(error)) from error

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            (question,) = query.question
            name = question.name.to_text(omit_final_dot=True)
            if question.rdtype.name == "A":
                self.queries.append(name)
            if (answer := self._answer(query, name)) is not None:
                self._socket.sendto(answer, client)

    def _answer(self, query: dns.message.Message, name: str) -> bytes | None:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        (question,) = query.question
        if name not in self.zone:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response.to_wire()
        addresses = self.zone[name]
        if addresses is None:
            return None
        kind = question.rdtype.name
        mine = [address for address in addresses if (":" in address) == (kind == "AAAA")]
        if mine:
            response.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", kind, mine))
        return response.to_wire()
