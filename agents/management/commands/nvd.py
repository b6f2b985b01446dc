"""`manage.py nvd`: load NVD records into the local mirror, or show what is known about a CVE."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from agents import nvd
from agents.nvd import records
from agents.nvd.lookups import NvdAnswer
from agents.services import vulnerabilities
from audits.actor import Actor
from audits.errors import Invalid, ServiceError

COMMAND = Actor.system("nvd-command")
WITHOUT_FACTS, REFUSED = 1, 2


class Command(BaseCommand):
    help = "The local mirror of NVD: load files of records, or show what is known about a CVE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        load = commands.add_parser("load", help="load NVD API 2.0 answers, lists of records or JSON Lines")
        load.add_argument("files", nargs="+", metavar="FILE")
        load.add_argument("--json", action="store_true", help="one JSON object instead of text")
        show = commands.add_parser("show", help="what NVD says about a CVE (asks NVD where allowed)")
        show.add_argument("cve", metavar="CVE")
        show.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["command"] == "load":
            self._load(options["files"], as_json=options["json"])
        else:
            self._show(options["cve"].upper(), as_json=options["json"])

    def _load(self, files: list[str], *, as_json: bool) -> None:
        try:
            taken = vulnerabilities.load(actor=COMMAND, files=[_content(file) for file in files])
        except ServiceError as error:
            problem = {"title": error.code, "status": error.status, "detail": error.message}
            self.stderr.write(json.dumps(problem) if as_json else error.message)
            sys.exit(REFUSED)
        words = f"{taken} record{'' if taken == 1 else 's'} loaded."
        self.stdout.write(json.dumps({"records": taken}) if as_json else words)

    def _show(self, cve: str, *, as_json: bool) -> None:
        if not records.CVE_ID.fullmatch(cve):
            self.stderr.write(f"{cve[:40]!r} is not a CVE id, such as CVE-2021-44228.")
            sys.exit(REFUSED)
        answer = nvd.lookup(cve)
        found = {
            "outcome": answer.outcome.value,
            "reason": answer.reason,
            "source": answer.source,
            "facts": answer.facts.model_dump() if answer.facts is not None else None,
        }
        self.stdout.write(json.dumps(found) if as_json else _in_words(answer))
        if answer.facts is None:
            sys.exit(WITHOUT_FACTS)


def _content(file: str) -> tuple[str, bytes]:
    try:
        return file, Path(file).read_bytes()
    except OSError as error:
        raise Invalid(f"{file}: cannot be read: {error.strerror or error}.") from error


def _in_words(answer: NvdAnswer) -> str:
    facts = answer.facts
    if facts is None:
        return answer.reason
    lines = [
        f"{facts.cve_id} ({facts.status})",
        f"CVSS {facts.cvss_version or '-'}: {facts.cvss_score or '-'} {facts.severity} {facts.cvss_vector}",
        f"Weaknesses: {', '.join(facts.cwes) or '-'}",
        f"Known to be exploited (CISA): {f'since {facts.kev_added}' if facts.kev else 'no'}",
        f"Published {facts.published}, changed {facts.last_modified}; {answer.source}",
        facts.description,
    ]
    return "\n".join([*lines, *([answer.reason] if answer.reason else [])])
