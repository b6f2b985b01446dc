"""`manage.py egress`: what an agent may reach, for a proxy that stands in its way."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents import egress, egress_envoy, egress_export
from agents.models import Agent

UNABLE = 2


class Command(BaseCommand):
    help = "Export what an agent may reach, as the access rules of a proxy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="Print the lists of one agent.")
        export.add_argument("agent", help="The agent's slug.")
        export.add_argument(
            "--format",
            choices=("squid", "envoy", "json"),
            default="squid",
            help="Squid's access rules, the configuration of an Envoy, or plain JSON.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        agents = Agent.objects.select_related("active_version", "candidate")
        agent = agents.filter(slug=options["agent"]).first()
        if agent is None:
            raise CommandError(f"There is no agent {options['agent']}.", returncode=UNABLE)
        lists, private = egress.lists_of(agent), egress.exceptions_of(agent)
        if options["format"] == "json":
            document = egress_export.document(agent.slug, lists, private)
            self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
        elif options["format"] == "envoy":
            self.stdout.write(egress_envoy.envoy(agent.slug, lists, private), ending="")
        else:
            self.stdout.write(egress_export.squid(agent.slug, lists, private), ending="")
