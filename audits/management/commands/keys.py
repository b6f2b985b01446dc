"""`manage.py keys create|show|rotate|replace|statements`."""

import hashlib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from audits import keyring, keys
from audits.actor import Actor
from audits.choices import KeyPurpose
from audits.errors import ServiceError
from audits.models import Key
from audits.services import key_rotation
from audits.verify import verify

UNABLE = 2
OPERATOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Create, show, rotate or replace the ledger's keys. docs/keys.md has the procedures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("create", help="Create the keys that are absent.")
        verbs.add_parser("show", help="Show the public halves, and since when each counts.")
        verbs.add_parser("statements", help="Print the signed statements from the first key to this one.")
        rotate = verbs.add_parser("rotate", help="Go on with a new key, signed by the old one.")
        replace = verbs.add_parser("replace", help="Go on without the old key: it was lost or stolen.")
        for parser_ in (rotate, replace):
            parser_.add_argument(
                "--key", choices=KeyPurpose.values, default=KeyPurpose.SEAL, help="Which one."
            )
        replace.add_argument("--reason", required=True, help="Why, in a line; those who verify read it.")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {
            "create": self.create,
            "show": self.show,
            "statements": self.statements,
            "rotate": self.rotate,
            "replace": self.replace,
        }
        try:
            verbs[options["verb"]](options)
        except ServiceError as error:
            self.stderr.write(f"{error}")
            sys.exit(UNABLE)
        except DatabaseError as error:
            self.stderr.write(f"The database refused: {error}. `manage.py doctor` says what is wrong.")
            sys.exit(UNABLE)

    def create(self, options: dict[str, Any]) -> None:
        directory = Path(settings.KEYS_DIR)
        created = keys.create(directory)
        self.stdout.write(f"{directory}: " + (f"{', '.join(created)} created." if created else "complete."))
        self.show(options)

    def show(self, options: dict[str, Any]) -> None:
        for purpose, key in (("checkpoints", keys.seal()), ("bundles", keys.export())):
            self.stdout.write(f"{purpose}: {key.verifier.id}  {key.verifier}")
        for span in keys.spans():
            last = "on" if span.last is None else f"to {span.last}"
            self.stdout.write(f"{span.key.id} signs checkpoints from {span.first} {last}")
        for gap in keys.breaks():
            self.stdout.write(f"The chain is broken after {gap.size} entries: {gap.reason}")
        self._say_what_to_do()

    def statements(self, options: dict[str, Any]) -> None:
        self.stdout.write(keyring.join(keys.statements()), ending="")

    def rotate(self, options: dict[str, Any]) -> None:
        self._done(key_rotation.rotate(actor=OPERATOR, purpose=KeyPurpose(options["key"])))

    def replace(self, options: dict[str, Any]) -> None:
        purpose = KeyPurpose(options["key"])
        self._done(key_rotation.replace(actor=OPERATOR, purpose=purpose, reason=options["reason"]))
        self.stdout.write("Tell those who verify: they must get the new public key by another way.")

    def _done(self, key: Key) -> None:
        self.stdout.write(f"{key.get_purpose_display()}: {key.pk} counts from {key.first_size} entries on.")
        self.stdout.write("Back up the keys directory now, and copy it to every other machine that seals.")
        if key.purpose == KeyPurpose.SEAL:
            self._say_what_to_do()

    def _say_what_to_do(self) -> None:
        path = Path(settings.KEYS_DIR) / keys.LEDGER_VKEY
        self.stdout.write(f"Give auditors {path} by another way than a bundle.")
        verifier = Path(verify.__file__)
        digest = hashlib.sha256(verifier.read_bytes()).hexdigest()
        self.stdout.write(f"And this verifier, or its SHA-256: {verifier}  {digest}")
