"""libcurl's handles between two requests."""

from itertools import chain

from msidp.outbound.exchange import Exchange

MAX_IDLE = 512  # beyond, another URL's handle is taken rather than a new one made


class IdleHandles:
    """Handles by the URL of their last request: for that they need hardly be set up again."""

    def __init__(self) -> None:
        self._by_url: dict[str, list[Exchange]] = {}
        self._count = 0

    def put(self, exchange: Exchange) -> None:
        """Keep one whose request has ended."""
        self._by_url.setdefault(exchange.url, []).append(exchange)
        self._count += 1

    def take(self, url: str) -> Exchange | None:
        """One that had this URL; any other, where there are enough; None where there are not."""
        if url not in self._by_url:
            if self._count < MAX_IDLE:
                return None
            url = next(iter(self._by_url))
        exchanges = self._by_url[url]
        exchange = exchanges.pop()
        if not exchanges:
            del self._by_url[url]
        self._count -= 1
        return exchange

    def empty(self) -> list[Exchange]:
        """All of them; none is left."""
        exchanges = list(chain.from_iterable(self._by_url.values()))
        self._by_url.clear()
        self._count = 0
        return exchanges
