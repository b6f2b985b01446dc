"""`manage.py keys create|show`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from audits import keys
from audits.errors import ServiceError

UNABLE = 2


class Command(BaseCommand):
    help = "Create the ledger's keys where they are absent, or show their public halves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=("create", "show"))

    def handle(self, *args: Any, **options: Any) -> None:
        directory = Path(settings.KEYS_DIR)
        try:
            if options["verb"] == "create":
                created = keys.create(directory)
                self.stdout.write(
                    f"{directory}: " + (f"{', '.join(created)} created." if created else "complete.")
                )
            for purpose, key in (("checkpoints", keys.seal()), ("bundles", keys.export())):
                self.stdout.write(f"{purpose}: {key.verifier.id}  {key.verifier}")
        except ServiceError as error:
            self.stderr.write(f"{error}")
            sys.exit(UNABLE)
        self.stdout.write(f"Give auditors {directory / keys.LEDGER_VKEY} by another way than a bundle.")
