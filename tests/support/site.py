"""Static files on an origin of their own: a site whose pages call msidp."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit


class Site:
    """Answers with its files, and with its page for every other path. Runs from start() to stop()."""

    def __init__(self, page: str, files: dict[str, Path | str] | None = None) -> None:
        self.page = page
        self.files = files or {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body, kind = site.answer(urlsplit(self.path).path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own name
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str) -> tuple[bytes, str]:
        if path not in self.files:
            return self.page.encode(), "text/html"
        found = self.files[path]
        return (found.encode() if isinstance(found, str) else found.read_bytes()), "text/javascript"
