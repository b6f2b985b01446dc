"""`manage.py enforcement_point`: who may ask the decision point over HTTP."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from audits.actor import Actor
from audits.errors import ServiceError
from governance.models import EnforcementPoint
from governance.services import enforcement_points

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Register enforcement points. A credential is printed once, when it is made, and kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb, words in (
            ("add", "Register one; prints its bearer credential."),
            ("rotate", "Give it another credential; prints it. The one before counts no more."),
            ("revoke", "End it, at once and for good."),
        ):
            verbs.add_parser(verb, help=words).add_argument("name")
        verbs.add_parser("list", help="List them.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
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
