"""`make test`: every test, on SQLite and on PostgreSQL, and a word on what this machine cannot run."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/countersign_ci")
# These start installations of their own, read files, or show pages: which database is all one to them.
ELSEWHERE = ("--ignore=tests/processes", "--ignore=tests/external", "--ignore=tests/portal")
# In a process of its own: Playwright keeps an event loop in the thread that Django's tests run in.
BROWSER = ("-m", "browser", "tests/browser")


@dataclass
class Step:
    """One run of pytest, under way; what it prints is shown once it has ended."""

    title: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def passed(self) -> bool:
        code = self.process.wait()
        self.output.seek(0)
        print(f"\n== {self.title}\n{self.output.read().decode(errors='replace')}", flush=True)
        return code == 0


def start(title: str, *arguments: str, **environment: str) -> Step:
    output = tempfile.TemporaryFile()  # noqa: SIM115 - read and closed with the step
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *arguments]
    process = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT)
    return Step(title, process, output)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def lacking() -> list[str]:
    """What this machine lacks, and what is therefore not tested."""
    reasons = {
        "PostgreSQL on 127.0.0.1:5432: the tests ran on SQLite alone": answers(5432),
        "Redis on 127.0.0.1:6379: no test went through a Celery worker process": answers(6379),
        "chromium: no page was opened in a browser (Debian: apt-get install chromium)": bool(
            shutil.which("chromium")
        ),
    }
    return [reason for reason, there in reasons.items() if not there]


def main() -> int:
    print("SQLite, PostgreSQL and the browser take some minutes; each is shown when it is done.", flush=True)
    passed = start("SQLite: everything but the browser").passed()
    steps = [start("Pages, in a browser", *BROWSER)]
    if answers(5432):
        # These two wait for different things: together they take little longer than one of them.
        steps.append(start("PostgreSQL: what touches the database", *ELSEWHERE, DATABASE_URL=POSTGRESQL))
    outcomes = [passed, *(step.passed() for step in steps)]
    missing = lacking()
    for reason in missing:
        print(f"Not tested here, for lack of {reason}.")
    return 0 if all(outcomes) and not (missing and os.environ.get("CI") == "true") else 1


if __name__ == "__main__":
    sys.exit(main())
