"""`manage.py policy`: apply Cedar policies from a folder, and list what was applied."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from audits.actor import Actor
from audits.errors import ServiceError
from governance.models import PolicyVersion
from governance.services import policies

ACTOR = Actor.system("command-line")
SCHEMA, ENTITIES = "schema.cedarschema", "entities.json"


class Command(BaseCommand):
    help = "Apply the policies that decide for what the register does not know."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        apply = verbs.add_parser(
            "apply", help=f"Validate and apply *.cedar with {SCHEMA} and, where there is one, {ENTITIES}."
        )
        apply.add_argument("directory", type=Path)
        verbs.add_parser("list", help="List what was applied.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "list":
            return self._list()
        return self._apply(options["directory"])

    def _apply(self, directory: Path) -> None:
        try:
            version = policies.apply(
                actor=ACTOR,
                policies={path.name: _read(path) for path in sorted(directory.glob("*.cedar"))},
                schema=_read(directory / SCHEMA),
                entities=_read(directory / ENTITIES)
                if (directory / ENTITIES).exists()
                else policies.NO_ENTITIES,
            )
        except ServiceError as error:
            raise CommandError(" ".join((error.message, *error.fields.values())), returncode=2) from error
        self.stdout.write(f"{version.label} decides from now on (sha256 {version.sha256}).")

    def _list(self) -> None:
        for version in PolicyVersion.objects.defer("policies", "schema", "entities").order_by("number"):
            self.stdout.write(
                f"{version.label}\t{version.state}\t{version.applied_at:%Y-%m-%dT%H:%MZ}\t"
                f"{version.applied_by}\t{version.sha256}"
            )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot read {path}: {error}", returncode=2) from error
