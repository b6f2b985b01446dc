"""Enforcement points of the tests: those that follow the feed, and servers that guard or pretend to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.db import connections, transaction
from django.http import HttpResponse
from django.test import Client, override_settings

from agents.choices import RevocationLevel, RevocationReason
from agents.models import Revocation
from agents.services import revocations
from audits.actor import Actor
from audits.choices import Action
from audits.services import ledger
from governance.revocation_watch import watch
from governance.services import enforcement_points
from tests.authzen.asking import SYSTEM, Asker
from tests.oauth.client import claims_of

FEED, ACK = "/access/v1/revocations", "/access/v1/revocations/ack"


class Follower(Asker):
    """An enforcement point that reads the feed over HTTP."""

    def get(self, query: str = "", path: str = FEED, **headers: str) -> HttpResponse:
        headers = {"Authorization": f"Bearer {self.credential}"} | headers
        return Client().get(f"{path}{query}", headers=headers)  # type: ignore[return-value]

    def read(self, since: int = 0, wait: int = 0) -> Any:
        answered = self.get(f"?since={since}&wait={wait}")
        assert answered.status_code == 200, answered.content
        return json.loads(answered.content)

    def acknowledge(self, number: int) -> Any:
        return self.ask(ACK, {"number": number})

    def catch_up(self) -> int:
        """Read and acknowledge everything."""
        number: int = self.read()["current"]
        self.acknowledge(number)
        return number

    def declare(self, mode: str = "follows", probe_url: str = "") -> None:
        self.point = enforcement_points.declare(
            actor=SYSTEM, point=self.point, mode=mode, probe_url=probe_url
        )


@contextmanager
def following(follower: Follower, *, heed: bool = True) -> Iterator[Callable[[str], int]]:
    """The follower reads and acknowledges all the while; gives what its server answers to a token.

    One that does not `heed` acknowledges and lets everything through all the same: it lies.
    """
    ended: dict[tuple[str, str], int] = {}
    stop = threading.Event()

    def follow() -> None:
        since = 0
        try:
            while not stop.is_set():
                page = follower.read(since=since, wait=1)
                for row in page["revocations"]:
                    ended[row["level"], row["subject"]] = row["number"]
                if page["next"] > since:
                    since = page["next"]
                    follower.acknowledge(since)
        finally:
            connections.close_all()

    def answer(token: str) -> int:
        claims = claims_of(token)
        return 401 if heed and ended.get(("instance", claims["sub"]), 0) > claims["epoch"] else 200

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield answer
    finally:
        stop.set()
        thread.join()
        settle()


def settle() -> None:
    """Until nobody watches for revocations any more: a thread of the watch holds a connection."""
    end_of_patience = time.monotonic() + 10
    while watch._watching and time.monotonic() < end_of_patience:
        time.sleep(0.01)


def end(subject: str = "some-agent", level: RevocationLevel = RevocationLevel.AGENT) -> int:
    """Something ends, with its event; its number."""
    with transaction.atomic():
        row = revocations.revoke(level=level, subject=subject, reason=RevocationReason.ENDED)
        ledger.record(
            stream="system",
            action=Action.AGENT_STATE_CHANGED,
            actor=Actor.system("test"),
            object=f"agent/{subject}",
        )
    revocations.current()
    return int(Revocation.objects.get(pk=row.pk).number or 0)


@contextmanager
def guarding(answer: Callable[[str], int]) -> Iterator[str]:
    """A server that answers with the status that `answer` gives for a bearer token; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = answer(self.headers.get("Authorization", "").removeprefix("Bearer "))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    origin = f"127.0.0.1:{server.server_port}"
    try:
        with override_settings(OUTBOUND_ALLOWED_PRIVATE=(origin,)):
            yield f"http://{origin}/customers"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
