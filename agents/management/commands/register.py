"""`manage.py register`: the register out of and into files (S1-3)."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents import selectors
from agents.models import Agent, Person
from agents.register_files import FORMATS
from agents.services import importing
from agents.services.importing import Plan
from audits.errors import ServiceError

REFUSED = 2


class Command(BaseCommand):
    help = "Export the register as CSV or YAML, and import such a file: all of it or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="write the register to standard output")
        export.add_argument("--format", choices=FORMATS, required=True)
        export.add_argument(
            "--agent", action="append", metavar="SLUG", help="this one alone; can be repeated"
        )
        load = verbs.add_parser("import", help="register and amend what a file says")
        load.add_argument("file", metavar="FILE")
        load.add_argument("--as", dest="person", required=True, metavar="USERNAME", help="in whose name")
        load.add_argument("--format", choices=FORMATS, help="where the file's ending does not say it")
        load.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "export":
            self._export(options["format"], options["agent"] or [])
        else:
            self._import(Path(options["file"]), options)

    def _export(self, form: str, slugs: list[str]) -> None:
        known = set(Agent.objects.filter(slug__in=slugs).values_list("slug", flat=True))
        if unknown := sorted(set(slugs) - known):
            raise CommandError(f"No agent is called {', '.join(unknown)}.", returncode=REFUSED)
        chosen = Agent.objects.filter(slug__in=slugs) if slugs else None
        self.stdout.write(importing.export(format=form, agents=chosen), ending="")

    def _import(self, path: Path, options: dict[str, Any]) -> None:
        person, form, content = _person(options["person"]), _format(path, options["format"]), _read(path)
        try:
            if options["dry_run"]:
                self._show(importing.plan(actor=person, content=content, format=form))
                return
            done = importing.perform(actor=person, content=content, format=form, file_name=path.name)
        except ServiceError as error:
            self._refuse([*error.fields.values()] or [error.message], "Nothing was imported.")
        self.stdout.write(f"Imported: {done.in_words}.")

    def _show(self, plan: Plan) -> None:
        if plan.problems:
            self._refuse([str(problem) for problem in plan.problems], "Nothing would be imported.")
        for change in plan.changes:
            self.stdout.write(f"line {change.line}: {change.slug}: {change.verb}")
            for one in change.differences:
                self.stdout.write(f"    {one.field}: {one.before!r} -> {one.after!r}")
        self.stdout.write(f"Would be: {plan.in_words}. Nothing was changed.")

    def _refuse(self, lines: list[str], closing: str) -> None:
        self.stderr.write("\n".join([*lines, closing]))
        sys.exit(REFUSED)


def _person(username: str) -> Person:
    person = selectors.person_named(username)
    if person is None:
        raise CommandError(f"Nobody signs in as {username}.", returncode=REFUSED)
    return person


def _format(path: Path, named: str | None) -> str:
    found = named or {".csv": "csv", ".yaml": "yaml", ".yml": "yaml"}.get(path.suffix.lower())
    if found is None:
        raise CommandError("Say --format csv or --format yaml.", returncode=REFUSED)
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror or error}.", returncode=REFUSED) from error
