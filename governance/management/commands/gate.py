"""`manage.py gate`: may this version be deployed? Exit status 0: yes, 1: no, 2: it cannot be said."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from agents.models import Agent
from audits.actor import Actor
from audits.errors import ServiceError
from governance.services import gates

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Say whether exactly this version is what the board approved, with all ten gates met (S1-4)."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django's own --version says which Django it is; here it is the agent's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("agent", help="The agent's slug.")
        parser.add_argument("--version", dest="build", required=True, metavar="LABEL|DIGEST")
        parser.add_argument("--commit", default="", help="What is about to be deployed.")
        parser.add_argument("--json", action="store_true", help="The answer as the API gives it.")

    def handle(self, *args: Any, **options: Any) -> None:
        agent = Agent.objects.select_related("owner").filter(slug=options["agent"]).first()
        if agent is None:
            raise CommandError(f"The register has no agent {options['agent']}.", returncode=2)
        try:
            answered = gates.ask(actor=ACTOR, agent=agent, version=options["build"], commit=options["commit"])
        except ServiceError as error:
            raise CommandError(error.message, returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(answered.document(agent), indent=2))
        else:
            name = answered.version.label if answered.version else options["build"]
            self.stdout.write(f"{agent.slug} {name}: {'allowed' if answered.allowed else 'not allowed'}")
            for reason in answered.reasons:
                self.stdout.write(f"- {reason}")
        if not answered.allowed:
            sys.exit(1)
