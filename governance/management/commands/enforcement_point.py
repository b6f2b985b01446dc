"""`manage.py enforcement_point`: who may ask the decision point over HTTP."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from audits.actor import Actor
from audits.errors import ServiceError
from governance.choices import PointMode, ProbeOutcome
from governance.models import EnforcementPoint
from governance.services import enforcement_points, probes

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Register enforcement points. A credential is printed once, when it is made, and kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb, words in (
            ("add", "Register one; prints its bearer credential."),
            ("rotate", "Give it another credential; prints it. The one before counts no more."),
            ("revoke", "End it, at once and for good."),
            ("probe", "Show it a credential that has ended; fails unless that is refused."),
        ):
            verbs.add_parser(verb, help=words).add_argument("name")
        declare = verbs.add_parser("declare", help="Say how it learns of what has ended, and where to probe.")
        declare.add_argument("name")
        declare.add_argument("--mode", choices=PointMode.values, default=PointMode.FOLLOWS.value)
        declare.add_argument("--probe-url", default="", help="Where a credential that has ended is refused.")
        verbs.add_parser("list", help="List them.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "declare":
                self._declare(options["name"], options["mode"], options["probe_url"])
            else:
                getattr(self, f"_{options['verb']}")(options.get("name", ""))
        except ServiceError as error:
            raise CommandError(" ".join((error.message, *error.fields.values())), returncode=2) from error

    def _add(self, name: str) -> None:
        _, credential = enforcement_points.add(actor=ACTOR, name=name)
        self.stdout.write(credential)

    def _rotate(self, name: str) -> None:
        self.stdout.write(enforcement_points.rotate(actor=ACTOR, point=_named(name)))

    def _revoke(self, name: str) -> None:
        enforcement_points.revoke(actor=ACTOR, point=_named(name))
        self.stdout.write(f"{name} is revoked.")

    def _declare(self, name: str, mode: str, probe_url: str) -> None:
        enforcement_points.declare(actor=ACTOR, point=_named(name), mode=mode, probe_url=probe_url)
        self.stdout.write(f"{name}: declared.")

    def _probe(self, name: str) -> None:
        made = probes.probe(actor=ACTOR, point=_named(name))
        said = f"{name}: {made.get_outcome_display().lower()} ({made.status or made.error})."
        if made.outcome != ProbeOutcome.REFUSED:
            raise CommandError(said, returncode=1)
        self.stdout.write(said)

    def _list(self, _name: str) -> None:
        for point in EnforcementPoint.objects.order_by("name"):
            state = "revoked" if point.revoked_at else "live"
            seen = f"{point.last_seen_at:%Y-%m-%dT%H:%MZ}" if point.last_seen_at else "never seen"
            self.stdout.write(f"{point.name}\t{state}\t{seen}")


def _named(name: str) -> EnforcementPoint:
    point = EnforcementPoint.objects.filter(name=name).first()
    if point is None:
        raise CommandError(
            f"There is no enforcement point {name}. See `enforcement_point list`.", returncode=2
        )
    return point
