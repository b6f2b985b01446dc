"""`manage.py bundle build`: an agent's evidence as a file that is verified without us."""

import shutil
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime

from agents.models import Agent
from audits.actor import Actor
from audits.choices import BundleState
from audits.errors import ServiceError
from audits.services import bundles

ACTOR = Actor.system("command-line")
FAILED, USAGE = 1, 2


class Command(BaseCommand):
    help = "Build an evidence bundle. Exit code 0: built, 1: it could not be built, 2: bad input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        build = parser.add_subparsers(dest="verb", required=True).add_parser("build")
        build.add_argument("--agent", required=True, metavar="SLUG")
        build.add_argument("--out", required=True, type=Path, metavar="FILE")
        build.add_argument("--since", metavar="WHEN", help="ISO 8601; sealed at or after it.")
        build.add_argument(
            "--until", metavar="WHEN", help="ISO 8601; sealed before it. A date alone means the whole day."
        )
        build.add_argument("--framework", default="", help="Only events that name this framework.")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        if not out.parent.is_dir():
            raise CommandError(f"--out: there is no directory {out.parent}.", returncode=USAGE)
        since, until = _moment("--since", options["since"]), _moment("--until", options["until"], end=True)
        agent = Agent.objects.filter(slug=options["agent"]).first()
        if agent is None:
            known = ", ".join(Agent.objects.values_list("slug", flat=True)) or "none is registered yet"
            raise CommandError(
                f"--agent: there is no agent {options['agent']!r} ({known}).", returncode=USAGE
            )
        try:
            requested = bundles.request(
                actor=ACTOR,
                stream=agent.stream,
                subject=agent.name,
                since=since,
                until=until,
                framework=options["framework"],
            )
        except ServiceError as error:
            raise CommandError(error.message, returncode=USAGE) from error
        bundle = bundles.build(bundle_id=requested.pk)
        if bundle.state != BundleState.READY:
            self.stderr.write(bundle.error)
            sys.exit(FAILED)
        shutil.copyfile(bundles.download(actor=ACTOR, bundle=bundle), out)
        self.stdout.write(
            f"{out}: {bundle.event_count} events of {bundle.subject}, level {bundle.completeness}, "
            f"{bundle.size} bytes, sha256 {bundle.sha256}"
        )


def _moment(option: str, text: str | None, *, end: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time(), UTC) + timedelta(days=end) if day else parse_datetime(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise CommandError(
            f"{option}: {text!r} is not a date or time in ISO 8601, such as 2026-03-31 or 2026-03-31T12:00Z.",
            returncode=USAGE,
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
