"""`make test`: every test, on SQLite and on PostgreSQL, and a word on what this machine cannot run."""

import os
import shutil
import socket
import subprocess
import sys

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/countersign_ci")

# These start installations of their own, or read files: which database the tests use is all one to them.
ELSEWHERE = ("--ignore=tests/processes", "--ignore=tests/external")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(title: str, *arguments: str, **environment: str) -> bool:
    print(f"\n== {title}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *arguments]
    return subprocess.run(command, env=os.environ | environment, check=False).returncode == 0


def main() -> int:
    passed = run("SQLite: everything but the browser")
    # In a process of its own: Playwright keeps an event loop in the thread that Django's tests run in.
    passed &= run("Pages, in a browser", "-m", "browser", "tests/browser")
    missing = []
    if answers(5432):
        passed &= run("PostgreSQL: what touches the database", *ELSEWHERE, DATABASE_URL=POSTGRESQL)
    else:
        missing.append("PostgreSQL on 127.0.0.1:5432: the tests ran on SQLite alone")
    if not answers(6379):
        missing.append("Redis on 127.0.0.1:6379: no test went through a Celery worker process")
    if not shutil.which("chromium"):
        missing.append("chromium: no page was opened in a browser (Debian: apt-get install chromium)")
    for reason in missing:
        print(f"Not tested here, for lack of {reason}.")
    return 0 if passed and not (missing and os.environ.get("CI") == "true") else 1


if __name__ == "__main__":
    sys.exit(main())
