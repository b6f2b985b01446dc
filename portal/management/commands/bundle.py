"""`manage.py bundle build`: evidence as a file that is verified without us."""

import os
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from agents.models import Agent, Person
from audits.actor import Actor
from audits.choices import BundleKind, BundleState
from audits.errors import ServiceError
from audits.models import Bundle, Case
from audits.services import bundles

ACTOR = Actor.system("command-line")
FAILED, USAGE = 1, 2


class Command(BaseCommand):
    help = "Build an evidence bundle. Exit code 0: built, 1: it could not be built, 2: bad input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        build = parser.add_subparsers(dest="verb", required=True).add_parser("build")
        about = build.add_mutually_exclusive_group(required=True)
        about.add_argument("--agent", metavar="SLUG", help="Everything about one agent.")
        about.add_argument(
            "--person", metavar="USERNAME", help="What a person did, and what was done to them."
        )
        about.add_argument("--case", metavar="NAME", help="All streams of a case, in its period.")
        about.add_argument("--everything", action="store_true", help="The whole ledger, or a period of it.")
        build.add_argument("--out", required=True, type=Path, metavar="FILE")
        build.add_argument("--since", metavar="WHEN", help="ISO 8601; sealed at or after it.")
        build.add_argument(
            "--until", metavar="WHEN", help="ISO 8601; sealed before it. A date alone means the whole day."
        )
        build.add_argument(
            "--framework",
            default="",
            help="Only events that name this framework, of an agent or of everything.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        since, until = _moment("--since", options["since"]), _moment("--until", options["until"], end=True)
        about = {"since": since, "until": until, "framework": options["framework"], **_about(options)}
        out: Path = options["out"]
        with _new_file(out) as file:
            bundle = self._build(about)
            with bundles.download(actor=ACTOR, bundle=bundle).open("rb") as built:
                shutil.copyfileobj(built, file)
        for sentence in bundle.incomplete:
            self.stderr.write(f"Incomplete: {sentence}")
        self.stdout.write(
            f"{out}: {bundle.event_count} events of {bundle.subject}, level {bundle.completeness}, "
            f"{bundle.size} bytes, sha256 {bundle.sha256}"
        )

    def _build(self, about: dict[str, Any]) -> Bundle:
        try:
            requested = bundles.request(actor=ACTOR, **about)
        except ServiceError as error:
            raise CommandError(error.message, returncode=USAGE) from error
        bundle = bundles.build(bundle_id=requested.pk)
        if bundle.state != BundleState.READY:
            self.stderr.write(bundle.error)
            sys.exit(FAILED)
        return bundle


def _about(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `bundles.request` that say what it is about."""
    if slug := options["agent"]:
        agent: Agent = _found("--agent", slug, Agent.objects.all(), "slug")
        return {"kind": BundleKind.AGENT, "subject": agent.name, "streams": [agent.stream]}
    if username := options["person"]:
        person: Person = _found("--person", username, Person.objects.all(), "username")
        return {"kind": BundleKind.PERSON, "subject": str(person), "streams": [person.actor.ref]}
    if name := options["case"]:
        case: Case = _found("--case", name, Case.objects.all(), "name")
        if options["since"] or options["until"]:
            raise CommandError("--case has its own period: leave --since and --until out.", returncode=USAGE)
        period = {"since": case.since, "until": case.until}
        return {"kind": BundleKind.CASE, "subject": case.name, "streams": case.subjects, **period}
    if options["framework"]:
        return {"kind": BundleKind.FRAMEWORK, "subject": options["framework"]}
    return {"kind": BundleKind.PERIOD, "subject": "The whole ledger"}


def _found(option: str, name: str, rows: QuerySet[Any], field: str) -> Any:
    row = rows.filter(**{field: name}).first()
    if row is None:
        known = ", ".join(rows.values_list(field, flat=True)[:20]) or "none is registered yet"
        raise CommandError(f"{option}: there is no {option[2:]} {name!r} ({known}).", returncode=USAGE)
    return row


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that stands at `path` once it is whole, and not at all where anything went wrong.

    Opened before anything is built, so that a place that cannot be written costs nothing.
    """
    if not path.parent.is_dir():
        raise CommandError(f"--out: there is no directory {path.parent}.", returncode=USAGE)
    if path.is_dir() or os.path.lexists(path):
        raise CommandError(f"--out: {path} exists. Choose the name of a new file.", returncode=USAGE)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise CommandError(
            f"--out: {path} cannot be written: {error.strerror or error}.", returncode=USAGE
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _moment(option: str, text: str | None, *, end: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time(), UTC) + timedelta(days=end) if day else parse_datetime(text)
        if moment is not None:
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise CommandError(
            f"{option}: {text!r} is not a date or time in ISO 8601, such as 2026-03-31 or 2026-03-31T12:00Z.",
            returncode=USAGE,
        )
    return moment
