"""The witness's HTTP: one path, the standard library's server. Put TLS in front of it."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from audits.witness.state import Answer, Witness

MOST_BYTES = 64 * 1024
PATIENCE_SECONDS = 10.0


class WitnessServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listen: tuple[str, int], witness: Witness) -> None:
        super().__init__(listen, _Handler)
        self.witness = witness


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    timeout = PATIENCE_SECONDS

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            self._answer(Answer(HTTPStatus.NOT_FOUND, "POST to /add-checkpoint.\n"))
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BYTES:
            self._answer(Answer(HTTPStatus.BAD_REQUEST, f"At most {MOST_BYTES} bytes, with their length.\n"))
            return
        self._answer(self.server.witness.add_checkpoint(self.rfile.read(int(length))))

    def _answer(self, answer: Answer) -> None:
        content = answer.text.encode()
        kind = "text/x.tlog.size" if answer.is_size else "text/plain; charset=utf-8"
        self.send_response(answer.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """What it signed stands in its state; requests of others are not worth a log."""
