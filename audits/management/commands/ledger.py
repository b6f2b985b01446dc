"""`manage.py ledger verify|seal|declare`."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from audits.actor import Actor
from audits.errors import ServiceError
from audits.services import recovery, sealing, verification

WRONG, UNABLE = 1, 2


class Command(BaseCommand):
    help = "Verify, seal or declare the ledger. Exit code 0: sound or done, 1: something is wrong, 2: unable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="Recompute everything, and say what is wrong first.")
        verify.add_argument("--json", action="store_true", help="Print the report as JSON.")
        verbs.add_parser("seal", help="Seal what waits.")
        declare = verbs.add_parser("declare", help="Declare that the database was restored on purpose.")
        declare.add_argument("--reason", required=True, help="Why, for the record.")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"verify": self.verify, "seal": self.seal, "declare": self.declare}
        try:
            verbs[options["verb"]](options)
        except ServiceError as error:
            self.stderr.write(error.message)
            sys.exit(UNABLE)
        except DatabaseError as error:
            self.stderr.write(f"The database refused: {error}. `manage.py doctor` says what is wrong.")
            sys.exit(UNABLE)

    def verify(self, options: dict[str, Any]) -> None:
        report = verification.verify()
        if options["json"]:
            self.stdout.write(json.dumps({"sound": report.is_sound, **asdict(report)}, indent=2))
        else:
            for warning in report.warnings:
                self.stderr.write(f"Warning: {warning}")
            self.stdout.write(_in_words(report))
        if not report.is_sound:
            sys.exit(WRONG)

    def seal(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{sealing.seal()} events sealed.")

    def declare(self, options: dict[str, Any]) -> None:
        recovery.declare(actor=Actor.system("command-line"), reason=options["reason"])
        self.stdout.write("Declared, recorded and sealed.")


def _in_words(report: verification.Report) -> str:
    if not report.is_sound:
        return f"WRONG, at {report.place}: {report.problem}"
    return (
        f"Sound: {report.entries} entries in {report.streams} streams, {report.checkpoints} checkpoints "
        f"signed by {report.key.split('+')[1]}, {report.pending} events waiting to be sealed."
    )
