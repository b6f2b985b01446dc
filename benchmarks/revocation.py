"""From the commit of a freeze to the last thing that is still allowed: `python benchmarks/revocation.py`.

Served by our own `manage.py serve` on loopback, on a database in a temporary folder in which the demo's
story was played; DATABASE_URL names another, empty one. A *worker* asks for a decision over HTTP again and
again; an *enforcement point*, a process of its own, follows the feed and decides on a token it holds, every
half millisecond. A trial begins once the worker is allowed and the point has acknowledged the one before.
Counted is from the commit of the freeze to the last that each of them still allowed.
The floor is what a bare commit costs until another connection, which does nothing but read, sees it.
"""

import argparse
import http.client
import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from statistics import median, quantiles
from threading import Event, Thread
from typing import Any

import decisions  # it sets the environment up

# isort: split
from django.db import connection, transaction

from agents.choices import FreezeReason
from agents.models import Agent
from agents.services import lifecycle, revocations
from governance.services import enforcement_points

GOALS_MS = {"worker": 25.0, "enforcement point": 250.0}
PATIENCE = 10.0
EVERY_SECONDS = 0.0005
FEED, ACK = "/access/v1/revocations", "/access/v1/revocations/ack"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=1_000, help="how often something is frozen")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    decisions.manage("prepare")
    decisions.manage("demo")
    instance = decisions.running_copy()
    _, credential = enforcement_points.add(actor=decisions.BENCHMARK, name="benchmark")
    with decisions.served() as port:
        found = measured(options.trials, port, credential, instance.agent, instance.spiffe_id)
    show(found)
    if options.save:
        save(found)
    decisions.FOLDER.cleanup()
    return 0 if not any(row["missed"] for row in found) else 1


@dataclass
class Seconds:
    """What one of them took in each trial; `missed` are trials in which it went on allowing."""

    what: str
    taken: list[float] = field(default_factory=list)
    missed: int = 0

    def add(self, seconds: float | None) -> None:
        if seconds is None:
            self.missed += 1
        else:
            self.taken.append(max(seconds, 0.0))

    def row(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "trials": len(self.taken) + self.missed,
            "missed": self.missed,
            "p50_ms": 1e3 * median(self.taken),
            "p99_ms": 1e3 * quantiles(self.taken, n=100)[-1],
            "max_ms": 1e3 * max(self.taken),
            "goal_p99_ms": GOALS_MS.get(self.what),
        }


class Worker:
    """Asks for decisions as fast as they come, and remembers when it was last allowed and last denied."""

    def __init__(self, port: int, credential: str, spiffe_id: str) -> None:
        self._port, self._stop = port, Event()
        self._headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}
        self._body = json.dumps(
            {
                "subject": {"type": "agent_instance", "id": spiffe_id},
                "action": {"name": decisions.LOOKUP},
                "resource": {"type": "endpoint", "id": decisions.NVD},
            }
        ).encode()
        self.allowed_at = self.denied_at = 0.0
        self._thread = Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        asking = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stop.is_set():
            asking.request("POST", "/access/v1/evaluation", self._body, self._headers)
            allowed = json.loads(asking.getresponse().read())["decision"]
            if allowed:
                self.allowed_at = time.monotonic()
            else:
                self.denied_at = time.monotonic()
        asking.close()


def follow(port: int, credential: str, agent: str, told: Connection, acknowledged: Any) -> None:
    """An enforcement point: tells when it last allowed a token that then ended, by number."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}
    ended = 0

    def read() -> None:
        nonlocal ended
        since = 0
        while True:
            asking.request("GET", f"{FEED}?since={since}&wait=25", headers=headers)
            page = json.loads(asking.getresponse().read())
            for row in page["revocations"]:
                if (row["level"], row["subject"]) == ("agent", agent):
                    ended = row["number"]
            if page["next"] > since:
                since = page["next"]
                asking.request("POST", ACK, json.dumps({"number": since}), headers)
                asking.getresponse().read()
                acknowledged.value = since
            time.sleep(page["ask_again_in"])

    Thread(target=read, daemon=True).start()
    epoch, allowed_at = 0, 0.0
    while True:
        if ended <= epoch:
            allowed_at = time.monotonic()
        else:
            epoch = ended
            told.send((epoch, allowed_at))
        time.sleep(EVERY_SECONDS)


def measured(trials: int, port: int, credential: str, agent: Agent, spiffe_id: str) -> list[dict[str, Any]]:
    told, telling = multiprocessing.Pipe(duplex=False)
    acknowledged = multiprocessing.Value("q", 0)
    point = multiprocessing.get_context("fork").Process(
        target=follow, args=(port, credential, agent.slug, telling, acknowledged), daemon=True
    )
    execute("CREATE TABLE bare (number integer)")
    execute("INSERT INTO bare VALUES (0)")
    connection.close()
    point.start()
    worker = Worker(port, credential, spiffe_id)
    rows = Seconds("worker"), Seconds("enforcement point"), Seconds("floor: a bare commit, read")
    try:
        for _ in range(trials):
            assert until(lambda: acknowledged.value >= revocations.current()), "The point does not follow."
            trial(worker, told, agent, rows)
    finally:
        worker.stop()
        point.terminate()
    return [row.row() for row in rows]


def trial(worker: Worker, told: Connection, agent: Agent, rows: tuple[Seconds, Seconds, Seconds]) -> None:
    ours, points, floor = rows
    began = time.monotonic()
    assert until(lambda: worker.allowed_at > began), "The worker is not allowed anything."
    while told.poll():
        told.recv()
    committed = frozen(agent)
    number = revocations.current()
    is_over = until(lambda: worker.denied_at > max(worker.allowed_at, committed))
    ours.add(worker.allowed_at - committed if is_over else None)
    points.add(last_allowed(told, number, committed))
    floor.add(bare())
    thaw(agent)


def frozen(agent: Agent) -> float:
    """Freeze it; when the commit returned, before anything that follows on it."""
    marks: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: marks.append(time.monotonic()))
        lifecycle.freeze(actor=decisions.BENCHMARK, agent=agent, reason=FreezeReason.REVIEW)
    return marks[0]


def last_allowed(told: Connection, number: int, committed: float) -> float | None:
    end = time.monotonic() + PATIENCE
    while told.poll(max(end - time.monotonic(), 0)):
        seen, allowed_at = told.recv()
        if seen >= number:
            return float(allowed_at - committed)
    return None


def thaw(agent: Agent) -> None:
    """As it was before, for the next trial; not by the product's ways, which ask people."""
    Agent.objects.filter(pk=agent.pk).update(state="active", freeze_reason="")
    agent.refresh_from_db()


def execute(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def bare() -> float | None:
    """From the return of a bare commit until a connection that only reads has seen it."""
    seen: list[float] = []
    (before,) = execute("SELECT number FROM bare")
    ready = Event()

    def look() -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            (now,) = execute("SELECT number FROM bare")
            ready.set()
            if now != before:
                seen.append(time.monotonic())
                break
        connection.close()

    reader = Thread(target=look)
    reader.start()
    ready.wait()
    execute("UPDATE bare SET number = number + 1")
    committed = time.monotonic()
    reader.join()
    return seen[0] - committed if seen else None


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(EVERY_SECONDS)
    return True


def show(found: list[dict[str, Any]]) -> None:
    print(f"{'':30}{'trials':>8}{'missed':>8}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'goal p99':>10}")
    for row in found:
        goal = f"{row['goal_p99_ms']:.0f}" if row["goal_p99_ms"] else ""
        print(
            f"{row['what']:30}{row['trials']:8}{row['missed']:8}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}"
            f"{row['max_ms']:9.2f}{goal:>10}"
        )


def save(found: list[dict[str, Any]]) -> None:
    path = decisions.ROOT / "benchmarks" / "results" / "revocation.json"
    path.parent.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    known[connection.vendor] = {"machine": decisions.machine(), "rows": found}
    path.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
