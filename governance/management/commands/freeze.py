"""`manage.py freeze`: stop an agent, a copy, all agents of an owner, or everything, from a terminal."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db.models import Model

from agents.models import Agent, AgentInstance, Person
from audits.errors import ServiceError
from governance.choices import ContainmentLevel
from governance.services import containments

UNABLE = 2


class Command(BaseCommand):
    help = "Freeze at once; two people lift it in the portal. Exit code 0: it is frozen; 2: it is not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("agent", nargs="?", help="Its slug.")
        of = parser.add_mutually_exclusive_group()
        of.add_argument("--instance", metavar="SPIFFE_ID", help="One running copy.")
        of.add_argument("--owner", metavar="USERNAME", help="All agents of this person.")
        of.add_argument("--everything", action="store_true", help="Every agent there is.")
        parser.add_argument("--as", dest="person", metavar="USERNAME", required=True, help="Who freezes it.")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        level, of = self._asked(options)
        try:
            made = containments.freeze(
                actor=_find(Person, username=options["person"]), level=level, reason=options["reason"], **of
            )
        except ServiceError as error:
            raise CommandError(error.message, returncode=UNABLE) from error
        self.stdout.write(f"Frozen: {made.of}. Containment {made.pk}; two people lift it in the portal.")

    def _asked(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        ways: dict[str, tuple[str, dict[str, Any]]] = {
            "agent": (ContainmentLevel.AGENT, {"agent": (Agent, "slug")}),
            "instance": (ContainmentLevel.INSTANCE, {"instance": (AgentInstance, "spiffe_id")}),
            "owner": (ContainmentLevel.OWNER, {"owner": (Person, "username")}),
            "everything": (ContainmentLevel.EVERYTHING, {}),
        }
        asked = [name for name in ways if options[name]]
        if len(asked) != 1:
            raise CommandError("Name one: an agent, --instance, --owner or --everything.", returncode=UNABLE)
        level, named = ways[asked[0]]
        return level, {
            name: _find(model, **{field: options[asked[0]]}) for name, (model, field) in named.items()
        }


def _find(model: type[Model], **named: str) -> Any:
    found = model._default_manager.filter(**named).first()  # noqa: SLF001 - public in Django
    if found is None:
        (name,) = named.values()
        raise CommandError(f"There is no {model.__name__.lower()} {name}.", returncode=UNABLE)
    return found
