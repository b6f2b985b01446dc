"""`manage.py policy`: bring Cedar policies from a folder, try them out, and list versions."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from agents.models import Person
from audits.actor import Actor
from audits.errors import ServiceError
from governance.models import PolicyVersion
from governance.services import policies, policy_trials

ACTOR = Actor.system("command-line")
SCHEMA, ENTITIES = "schema.cedarschema", "entities.json"


class Command(BaseCommand):
    help = "Bring policies, replay them over recorded decisions, and list their versions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        apply = verbs.add_parser(
            "apply",
            help=f"Validate *.cedar with {SCHEMA} and, where there is one, {ENTITIES}. The first of an empty "
            "installation decides at once; any other waits for two people to approve it.",
        )
        apply.add_argument("directory", type=Path)
        apply.add_argument(
            "--as", dest="author", metavar="USER", help="Who wrote them, and does not approve."
        )
        apply.add_argument("--title", default="", help="What they are for.")
        replay = verbs.add_parser("what-if", help="Replay recorded decisions under a validated version.")
        replay.add_argument("version", help="cedar/<number>")
        replay.add_argument("--last", type=int, default=1_000, help="As many decisions, the newest first.")
        replay.add_argument("--since", type=_moment, help="Only from this time on (ISO 8601).")
        replay.add_argument("--until", type=_moment, help="Only before this time (ISO 8601).")
        verbs.add_parser("list", help="List the versions.")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"apply": self._apply, "what-if": self._replay, "list": self._list}
        try:
            verbs[options["verb"]](options)
        except ServiceError as error:
            raise CommandError(" ".join((error.message, *error.fields.values())), returncode=2) from error

    def _apply(self, options: dict[str, Any]) -> None:
        directory = options["directory"]
        version = policies.apply(
            actor=ACTOR,
            policies={path.name: _read(path) for path in sorted(directory.glob("*.cedar"))},
            schema=_read(directory / SCHEMA),
            entities=_read(directory / ENTITIES) if (directory / ENTITIES).exists() else policies.NO_ENTITIES,
            author=_person(options["author"]),
            title=options["title"],
        )
        if version.is_first:
            self.stdout.write(f"{version.label} decides from now on (sha256 {version.sha256}).")
            return
        self.stdout.write(
            f"{version.label} is valid and decides nothing yet (sha256 {version.sha256}).\n"
            f"Next: manage.py policy what-if {version.label}; then, on its page in the portal, let it run in "
            "shadow and propose it. Two people with a seat on the board approve it."
        )

    def _replay(self, options: dict[str, Any]) -> None:
        found = policy_trials.replay(
            actor=ACTOR,
            version=_version(options["version"]),
            last=options["last"],
            since=options["since"],
            until=options["until"],
            told=lambda done: self.stderr.write(f"{done} decisions"),
        )
        self.stdout.write(
            f"{found.changed} of {found.replayed} decisions would change; {found.left_out} could not be "
            f"asked again (sha256 {found.sha256})."
        )
        for row in found.result:
            examples = ", ".join(example["decision"] for example in row["examples"])
            self.stdout.write(
                f"{row['count']}\t{row['change']}\t{row['subject']}\t{row['action']}\t{examples}"
            )

    def _list(self, _options: dict[str, Any]) -> None:
        for version in PolicyVersion.objects.defer("policies", "schema", "entities").order_by("number"):
            since = version.applied_at or version.drafted_at
            self.stdout.write(
                f"{version.label}\t{version.state}\t{since:%Y-%m-%dT%H:%MZ}\t"
                f"{version.drafted_by}\t{version.sha256}"
            )


def _version(label: str) -> PolicyVersion:
    number = label.removeprefix("cedar/")
    found = PolicyVersion.objects.filter(number=number).first() if number.isdecimal() else None
    if found is None:
        raise CommandError(f"There is no version {label}. `manage.py policy list` lists them.", returncode=2)
    return found


def _person(name: str | None) -> Person | None:
    if name is None:
        return None
    found = Person.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise CommandError(f"There is no active person {name}.", returncode=2)
    return found


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else timezone.make_aware(moment)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot read {path}: {error}", returncode=2) from error
