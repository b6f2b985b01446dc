"""`manage.py ledger verify`."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from audits.management.verbs import COMMAND_LINE, DONE, WRONG, Verb
from audits.services import verification

MOST_JOBS = 64
TENTHS = 10


def beginning(text: str) -> int | datetime:
    """A sequence number, or a date or time in ISO 8601; a time without a zone is UTC."""
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is neither a sequence number nor a date or time in ISO 8601."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise ArgumentTypeError(f"{text!r} is not a number of processes from 1 to {MOST_JOBS}.")
    return int(text)


def _verify_arguments(parser: ArgumentParser) -> None:
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--since",
        type=beginning,
        metavar="SEQ|DATE",
        help="Start from the last signed checkpoint before this sequence number or time.",
    )
    part.add_argument(
        "--stream", metavar="S", help="Verify every entry of one stream, for example agent/<id>."
    )
    parser.add_argument("--jobs", type=jobs, metavar="N", help="Processes; by default what the machine has.")
    parser.add_argument("--headers", action="store_true", help="Leave payloads and names unopened.")
    parser.add_argument("--json", action="store_true", help="Print the report as JSON.")


def _verify(options: Mapping[str, Any], out: OutputWrapper, err: OutputWrapper) -> int:
    with _progress(err, quiet=options["json"]) as progress:
        report, _ = verification.check_ledger(
            actor=COMMAND_LINE,
            since=options["since"],
            stream=options["stream"] or "",
            jobs=options["jobs"],
            with_bodies=not options["headers"],
            progress=progress,
        )
    if options["json"]:
        out.write(json.dumps({"sound": report.is_sound, **asdict(report)}, indent=2))
    else:
        for warning in report.warnings:
            err.write(f"Warning: {warning}")
        out.write(_in_words(report))
    return DONE if report.is_sound else WRONG


@contextmanager
def _progress(err: OutputWrapper, *, quiet: bool) -> Iterator[verification.Progress | None]:
    """A bar on a terminal, a line for each tenth elsewhere, nothing where a machine reads."""
    if quiet:
        yield None
    elif err.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bar(*columns, console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task("Verifying", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _Lines(err)


class _Lines:
    def __init__(self, err: OutputWrapper) -> None:
        self.err, self.told = err, 0

    def __call__(self, done: int, total: int) -> None:
        tenth = TENTHS * done // max(total, 1)
        if self.told < tenth < TENTHS:
            self.err.write(f"{done:,} of {total:,} entries.")
            self.told = tenth


def _in_words(report: verification.Report) -> str:
    if not report.is_sound:
        return f"WRONG, at {report.place}: {report.problem}"
    return (
        f"Sound: {report.entries} entries{_of_what(report)} in {report.streams} streams, "
        f"{report.checkpoints} checkpoints signed by {report.key.split('+')[1]}, {report.pending} events "
        f"waiting to be sealed.{_gone(report)}"
    )


def _of_what(report: verification.Report) -> str:
    if report.kind == "stream":
        return f" of {report.subject}"
    return f" from {report.first} on" if report.kind == "since" else ""


def _gone(report: verification.Report) -> str:
    """What is not there any more, for a reason that the ledger states."""
    gone = [
        f"{report.erased} bodies erased" if report.erased else "",
        f"{report.pruned} entries pruned" if report.pruned else "",
    ]
    said = " and ".join(part for part in gone if part)
    return f" {said}, as the ledger itself says." if said else ""


VERIFY = Verb("Recompute the ledger, and say what is wrong first.", _verify, _verify_arguments)
