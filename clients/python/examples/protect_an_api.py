"""Protecting an HTTP API: it carries out what a token allows, and nothing else.

    COUNTERSIGN_URL=http://127.0.0.1:8000 COUNTERSIGN_POINT=$CREDENTIAL python protect_an_api.py

Then `an_agent.py` can call it. What is written is done only while the revocation feed is fresh.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from countersign_client import EnforcementPoint, Feed, Outcome, Portal
from countersign_client.protected import Caller, NotCarriedOut, ProtectedAPI

PORT = int(os.environ.get("PORT", "8100"))
ADDRESS = f"http://127.0.0.1:{PORT}"
ITEMS: dict[str, dict[str, Any]] = {"4711": {"name": "Cable, 2 m", "notes": []}}

portal = Portal(os.environ["COUNTERSIGN_URL"])
point = EnforcementPoint(portal, credential=os.environ["COUNTERSIGN_POINT"])
feed = Feed(point)
api = ProtectedAPI(point, audience=ADDRESS, feed=feed)


class Handler(BaseHTTPRequestHandler):
    """`GET /items/4711` and `POST /items/4711`, whose body becomes a note."""

    def do_GET(self) -> None:
        self.carry_out("read_item", writes=False)

    def do_POST(self) -> None:
        self.carry_out("add_note", writes=True)

    def carry_out(self, action: str, *, writes: bool) -> None:
        number = self.path.removeprefix("/items/")
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        try:
            caller = api.admit(
                dict(self.headers),
                method=self.command,
                url=f"{ADDRESS}{self.path}",
                action=action,
                resource=f"item/{number}",
                writes=writes,
            )
        except NotCarriedOut as refusal:
            self.answer(refusal.status, {"title": refusal.message}, refusal.headers)
            return
        item = ITEMS.get(number)
        if item is None:
            report(caller, Outcome.FAILED)
            self.answer(404, {"title": f"There is no item {number}."})
            return
        if writes:
            item["notes"].append(body)
        report(caller, Outcome.EXECUTED)
        self.answer(200, item)

    def answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line a request, without the address of who asked."""
        print(self.requestline, int(code), flush=True)


def report(caller: Caller, outcome: Outcome) -> None:
    point.report(caller.evaluation_id, outcome)


if __name__ == "__main__":
    with feed, ThreadingHTTPServer(("127.0.0.1", PORT), Handler) as server:
        print(f"serving {ADDRESS}", flush=True)
        server.serve_forever()
