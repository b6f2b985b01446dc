"""`manage.py tests record`: keep what a test run came to, from the JUnit report that its runner wrote."""

import hashlib
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents import junit, selectors
from agents.choices import VersionTestKind, VersionTestOutcome
from agents.models import Agent, AgentVersion
from agents.services import version_tests
from agents.suite_results import SuiteResult
from audits.actor import Actor
from audits.errors import ServiceError

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Record tests of versions (S1-26). The same report recorded again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        record = verbs.add_parser("record", help="Record one run of one suite.")
        record.add_argument("agent", help="The agent's slug.")
        record.add_argument("version", help="Label or digest of the version that was tested.")
        record.add_argument("--kind", required=True, choices=VersionTestKind.values)
        record.add_argument("--junit", required=True, type=Path, metavar="FILE")
        record.add_argument("--suite", default="", help="What was run; else the kind.")
        record.add_argument("--tool", default="junit", help="What ran it, for example pytest.")
        record.add_argument("--run-id", default="", help="Name of the run; the report's digest otherwise.")
        record.add_argument("--run-url", default="")
        record.add_argument("--commit", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        version = _version(options["agent"], options["version"])
        try:
            content = options["junit"].read_bytes()
            test, new = version_tests.record(actor=ACTOR, version=version, result=_result(content, options))
        except (OSError, junit.JUnitError) as error:
            raise CommandError(str(error), returncode=2) from error
        except ServiceError as error:
            raise CommandError(error.message, returncode=2) from error
        known = "" if new else ", recorded already"
        counts = f"{test.passed} passed, {test.failed} failed, {test.skipped} skipped"
        self.stdout.write(f"{test}: {test.outcome}, {counts}{known}")


def _version(slug: str, name: str) -> AgentVersion:
    agent = Agent.objects.filter(slug=slug).first()
    if agent is None:
        raise CommandError(f"The register has no agent {slug}.", returncode=2)
    version = selectors.version_named(agent, name)
    if version is None:
        raise CommandError(f"{slug} has no version {name}. Add it to the register first.", returncode=2)
    return version


def _result(content: bytes, options: dict[str, Any]) -> SuiteResult:
    """A report in which nothing passed, or anything failed, is one of a run that failed."""
    report = junit.read(content)
    lasted = timedelta(seconds=report.seconds)
    # A report without a time would be another run each time that it is recorded.
    started = report.started_at or _written_at(options["junit"]) - lasted
    sha256 = hashlib.sha256(content).hexdigest()
    passed = report.passed > 0 and report.failed == 0
    return SuiteResult(
        kind=options["kind"],
        suite=options["suite"] or options["kind"],
        outcome=(VersionTestOutcome.PASSED if passed else VersionTestOutcome.FAILED).value,
        passed=report.passed,
        failed=report.failed,
        skipped=report.skipped,
        started_at=started,
        ended_at=started + lasted,
        tool=options["tool"],
        run_id=options["run_id"] or sha256,
        run_url=options["run_url"],
        commit=options["commit"],
        report_sha256=sha256,
    )


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
