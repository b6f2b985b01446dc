"""`manage.py signing_key`: the keys that sign credentials: rotated with overlap, and listed."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from agents import signing
from agents.errors import SigningKeyError
from agents.services import signing_keys
from audits.actor import Actor

UNABLE = 2
ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Rotate and list the keys that sign credentials."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser(
            "rotate", help="Sign with a new key; what the old one signed stays good until it ends."
        )
        verbs.add_parser("list", help="List the keys that tokens may name now.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "rotate":
                made = signing_keys.rotate(actor=ACTOR, directory=Path(settings.KEYS_DIR))
                self.stdout.write(f"{made.id} signs from now on.")
                return
            current = signing.key().id
            for each in signing.keys(now=timezone.now()):
                self.stdout.write(f"{each}\t{'signs' if each == current else 'verifies'}")
        except (SigningKeyError, OSError) as error:
            raise CommandError(str(error), returncode=UNABLE) from error
