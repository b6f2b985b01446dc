"""A process that records and seals, and is killed at one point after another: no loss, no double.

Run as a program of its own: it forks. Each child works until it comes to the point that is its turn,
and kills itself there with SIGKILL; points are every statement, commit, fsync and replacing of a file,
before it and after it. The parent counts what the child had been told was committed.
"""

import json
import multiprocessing
import os
import pathlib
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from audits.choices import Action  # noqa: E402
from audits.models import Entry, Event  # noqa: E402
from audits.services import sealing, verification  # noqa: E402
from audits.services.ledger import record  # noqa: E402
from governance import defaults  # noqa: E402
from tests.audits.happenings import TESTER  # noqa: E402

EVENTS = 2
Work = Callable[..., Any]


class Points:
    """Counts the points that a child passes, and ends it at its own."""

    def __init__(self, mine: int) -> None:
        self.left = mine

    def passed(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Work) -> Work:
        def watched(*arguments: Any, **options: Any) -> Any:
            self.passed()
            result = work(*arguments, **options)
            self.passed()
            return result

        return watched

    def statement(self, execute: Work, sql: str, parameters: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's signature
        return self.around(execute)(sql, parameters, many, context)


def child(mine: int, told: Any) -> None:
    """Record some events one by one, seal them, then seal the heads."""
    points = Points(mine)
    connection.ensure_connection()
    os.fsync = points.around(os.fsync)
    pathlib.Path.replace = points.around(pathlib.Path.replace)  # type: ignore[method-assign]
    raw: Any = connection
    raw._commit = points.around(raw._commit)
    with connection.execute_wrapper(points.statement):
        for number in range(EVENTS):
            with transaction.atomic():
                record(
                    stream="agent/one", action=Action.RUN_QUEUED, actor=TESTER, object=f"run/{mine}-{number}"
                )
            told.send(f"run/{mine}-{number}")
        sealing.seal()
        sealing.seal_heads()
    told.send("done")
    told.close()
    connection.close()
    os._exit(0)


def killed_at(point: int) -> tuple[set[str], bool]:
    """What a child said was committed before it was killed at `point`, and whether it was not killed."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=child, args=(point, there))
    process.start()
    there.close()
    said: set[str] = set()
    try:
        while True:
            said.add(here.recv())
    except EOFError:
        process.join()
    return said - {"done"}, "done" in said


def close() -> None:
    """Leave nothing open that a fork would share."""
    connection.close()
    close_pool = getattr(connection, "close_pool", None)
    if connection.vendor == "postgresql" and close_pool:
        close_pool()


def as_the_tests_have_it() -> None:
    """On PostgreSQL the database is the tests' own: its risk classes are those of `tests.conftest`."""
    if connection.vendor == "postgresql":
        for figures in defaults.RISK_CLASSES.values():
            figures["gates"] = []


def main() -> None:
    as_the_tests_have_it()
    close()
    committed: set[str] = set()
    point, finished = 0, False
    while not finished:
        point += 1
        said, finished = killed_at(point)
        committed |= said
        report = verification.verify()
        assert report.is_sound, (point, asdict(report))
        close()
    sealing.seal()
    report = verification.verify()
    objects = list(Event.objects.values_list("object", flat=True))
    found = {
        "points": point - 1,
        "problem": report.problem,
        "waiting": report.pending,
        "lost": sorted(committed - set(objects)),
        "doubled": len(objects) - len(set(objects)),
        "gaps": Entry.objects.count() - (Entry.objects.order_by("-seq")[0].seq + 1),
        "unsealed": Event.objects.filter(entry=None).count(),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
