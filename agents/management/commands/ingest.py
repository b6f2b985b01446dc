"""`manage.py ingest`: bring a scanner's report in, and let the analyst work through it."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress

from agents import selectors
from agents.analyst import SLUG
from agents.choices import AgentState, RunState
from agents.models import Agent, Report, Run
from agents.reports import reading
from agents.services import reports, runs
from audits.actor import Actor
from audits.errors import Conflict, Invalid, NotFound, ServiceError

COMMAND = Actor.system("ingest-command")
STDIN = "-"
REFUSED = 2


class Command(BaseCommand):
    help = "Read a scanner's report, store its findings and queue a run of the analyst over them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the report; - reads standard input")
        parser.add_argument(
            "--format",
            default=reading.AUTO,
            help=f"{reading.AUTO} (default) looks for one of: {reading.KNOWN}",
        )
        parser.add_argument(
            "--target", default="", metavar="NAME", help="what was scanned, where the report does not say it"
        )
        parser.add_argument("--agent", metavar="SLUG", help=f"who works on it (default: {SLUG})")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _bar(sys.stderr.isatty() and not options["json"]) as progress:
                answer = _ingest(
                    options["file"], options["format"], options["agent"], options["target"], progress
                )
        except ServiceError as error:
            problem = {"title": error.code, "status": error.status, "detail": error.message}
            self.stderr.write(json.dumps(problem) if options["json"] else error.message)
            sys.exit(REFUSED)
        self.stdout.write(json.dumps(answer) if options["json"] else _in_words(answer))


@contextmanager
def _bar(shown: bool) -> Iterator[reports.Progress]:  # noqa: FBT001 - one private caller
    """A progress bar for who watches; silent for who does not."""
    with Progress(console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("Findings stored", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _ingest(
    file: str, format_name: str, slug: str | None, target: str, progress: reports.Progress
) -> dict[str, Any]:
    agent = Agent.objects.filter(slug=slug or SLUG).first()
    if agent is None and slug is not None:
        raise NotFound(f"No agent {slug} is registered. Registered ones are in the portal under Agents.")
    report, new = reports.ingest(
        actor=COMMAND,
        file_name="standard input" if file == STDIN else file,
        content=_content(file),
        format=format_name,
        agent=agent,
        target=target,
        progress=progress,
    )
    run, note = _run(report, agent)
    return {
        "report": str(report.pk),
        "new": new,
        "file_name": report.file_name,
        "format": report.format,
        "target": report.target,
        "sha256": report.sha256,
        "findings": report.findings.count(),
        "counts": report.counts,
        "run": str(run.pk) if run is not None else None,
        "note": note,
    }


def _content(file: str) -> bytes:
    """The bytes, but never more than one beyond the limit: enough for the service to refuse them."""
    most = settings.REPORT_MAX_BYTES + 1
    if file == STDIN:
        return sys.stdin.buffer.read(most)
    if not file:
        raise Invalid("The name of the report is empty.")
    try:
        with Path(file).open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise Invalid(f"{file}: cannot be read: {error.strerror or error}.") from error


def _run(report: Report, agent: Agent | None) -> tuple[Run | None, str]:
    """The run over the report, queued where none was or the last failed; else why nothing will analyse it."""
    known = report.runs.filter(agent=agent).exclude(state=RunState.FAILED).first()
    obstacle = "" if known is not None else _obstacle(report, agent)
    if known is not None or obstacle:
        return known, obstacle
    try:
        return runs.queue(actor=COMMAND, report=report), ""
    except Conflict:
        # Somebody queued one between the look and the attempt.
        return report.runs.filter(agent=agent).first(), ""


def _obstacle(report: Report, agent: Agent | None) -> str:
    if not selectors.to_analyse(report).exists():
        return "There is no finding to analyse."
    again = "then run this command again."
    if agent is None:
        return f"Nothing will analyse it: register {SLUG} and have it approved, {again}"
    if agent.slug != SLUG:
        return f"Nothing will analyse it: only {SLUG} works through reports."
    if agent.state != AgentState.ACTIVE:
        state = AgentState(agent.state).label.lower()
        return f"Nothing will analyse it: {agent} is {state}. Have it approved, {again}"
    return ""


def _in_words(answer: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {severity}" for severity, count in answer["counts"].items())
    lines = [
        f"Format:   {answer['format']}",
        f"Target:   {answer['target']}",
        f"Findings: {answer['findings']}{f' ({counts})' if counts else ''}",
        f"Report:   {answer['report']}{'' if answer['new'] else ' (was here already; nothing changed)'}",
        f"Run:      {answer['run'] or 'none'}",
    ]
    return "\n".join([*lines, *([answer["note"]] if answer["note"] else [])])
