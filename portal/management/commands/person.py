"""`manage.py person add|deactivate|reactivate`: who may sign in, through the same services as the admin."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents.models import Person
from agents.services import people
from audits.actor import Actor
from audits.errors import ServiceError
from portal.roles import AUDITORS, BOARD, DATA_PROTECTION, OWNERS

COMMAND_LINE = Actor.system("command-line")


class Command(BaseCommand):
    help = "Add a person, or say who may sign in. Exit code 0: done, 2: it could not be done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser(
            "add",
            help="Add a person. The password is asked for, or read from standard input where that is no "
            "terminal.",
        )
        add.add_argument("username")
        add.add_argument("--first-name", default="")
        add.add_argument("--last-name", default="")
        add.add_argument("--email", default="")
        groups = (AUDITORS, BOARD, DATA_PROTECTION, OWNERS)
        add.add_argument("--group", action="append", default=[], choices=groups)
        add.add_argument("--administrator", action="store_true", help="May configure everything.")
        for verb, help_text in (
            ("deactivate", "Sign a person out for good, and end what their agents were allowed."),
            ("reactivate", "Let a person sign in again."),
        ):
            verbs.add_parser(verb, help=help_text).add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(VERBS[options["verb"]](options))
        except ServiceError as error:
            raise CommandError(error.message, returncode=2) from error


def _add(options: dict[str, Any]) -> str:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    person = people.add_person(
        actor=COMMAND_LINE,
        username=options["username"],
        first_name=options["first_name"],
        last_name=options["last_name"],
        email=options["email"],
        password=password,
        groups=options["group"],
        is_administrator=options["administrator"],
    )
    return f"{person} can sign in as {person.username}."


def _deactivate(options: dict[str, Any]) -> str:
    person = _person(options["username"])
    people.deactivate(actor=COMMAND_LINE, person=person)
    return f"{person} cannot sign in any more."


def _reactivate(options: dict[str, Any]) -> str:
    person = _person(options["username"])
    people.reactivate(actor=COMMAND_LINE, person=person)
    return f"{person} can sign in again as {person.username}."


def _person(username: str) -> Person:
    person = Person.objects.filter(username=username).first()
    if person is None:
        raise CommandError(
            f"Nobody has the user name {username!r}; `People` in the portal lists them.", returncode=2
        )
    return person


VERBS = {"add": _add, "deactivate": _deactivate, "reactivate": _reactivate}
