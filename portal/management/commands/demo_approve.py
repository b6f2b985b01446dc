"""`manage.py demo_approve`: let the demo's people approve an agent of one's own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from audits.errors import ServiceError
from portal.demo import own_agent
from portal.demo.people import NotTheDemo, SecondFactorsRequired

UNABLE = 2


class Command(BaseCommand):
    help = "In the demo's database: let the demo's people approve the newest version of an agent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("agent", help="The agent's slug.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            agent = own_agent.approve(options["agent"])
        except (NotTheDemo, SecondFactorsRequired) as error:
            raise CommandError(str(error), returncode=UNABLE) from error
        except ServiceError as error:
            raise CommandError(error.message, returncode=UNABLE) from error
        self.stdout.write(f"{agent.name} is active and read-only. Whatever it writes needs an elevation.")
