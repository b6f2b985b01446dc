"""`manage.py doctor`: what is wrong with this installation, and how to mend it."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand

from portal.doctor import examine

MARKS = {"ok": "ok     ", "warning": "WARNING", "failure": "FAILURE"}


class Command(BaseCommand):
    help = "Check settings, database, broker, keys, offline readiness, clock. Exit code 1 on a failure."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object for each check.")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        for finding in findings:
            if options["json"]:
                self.stdout.write(json.dumps(asdict(finding)))
                continue
            self.stdout.write(f"{MARKS[finding.status]}  {finding.check}: {finding.message}")
            if finding.mend:
                self.stdout.write(f"         Mend: {finding.mend}")
        if any(finding.status == "failure" for finding in findings):
            sys.exit(1)
