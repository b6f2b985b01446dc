"""`manage.py ledger`: its verbs stand in `audits/management/verbs`."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from audits.errors import ServiceError
from audits.management.verbs import UNABLE, anchoring, disposal, history, proving, sealing, verifying

VERBS = {
    "verify": verifying.VERIFY,
    "prove": proving.PROVE,
    "check-proof": proving.CHECK_PROOF,
    "compare": proving.COMPARE,
    "seal": sealing.SEAL,
    "declare": sealing.DECLARE,
    "anchor": anchoring.ANCHOR,
    "anchors": anchoring.ANCHORS,
    "adopt": history.ADOPT,
    "erase": disposal.ERASE,
    "redact": disposal.REDACT,
    "prune": disposal.PRUNE,
    "export-subject": disposal.EXPORT_SUBJECT,
}


class Command(BaseCommand):
    help = "Look after the ledger. Exit code 0: sound or done, 1: something is wrong, 2: unable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for name, verb in VERBS.items():
            verb.arguments(verbs.add_parser(name, help=verb.help))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = VERBS[options["verb"]].run(options, self.stdout, self.stderr)
        except ServiceError as error:
            self.stderr.write(error.message)
            code = UNABLE
        except DatabaseError as error:
            self.stderr.write(f"The database refused: {error}. `manage.py doctor` says what is wrong.")
            code = UNABLE
        if code:
            sys.exit(code)
