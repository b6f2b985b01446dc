"""`manage.py person`: add people, and help them in, through the same services as the admin."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.urls import reverse

from agents import selectors
from agents.choices import STEWARDS
from agents.models import Person
from agents.services import people, second_factors
from audits.actor import Actor
from audits.errors import ServiceError
from portal.roles import AUDITORS, BOARD, DATA_PROTECTION, OWNERS

COMMAND_LINE = Actor.system("command-line")


class Command(BaseCommand):
    help = "Add people, say who may sign in, and help them in. Exit code 0: done, 2: it could not be done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser(
            "add",
            help="Add a person. The password is asked for, or read from standard input without a terminal.",
        )
        add.add_argument("username")
        add.add_argument("--first-name", default="")
        add.add_argument("--last-name", default="")
        add.add_argument("--email", default="")
        add.add_argument(
            "--group",
            action="append",
            default=[],
            choices=(AUDITORS, BOARD, DATA_PROTECTION, OWNERS, STEWARDS),
        )
        add.add_argument("--administrator", action="store_true", help="May configure everything.")
        add.add_argument(
            "--invite", action="store_true", help="Ask for no password; print a link to choose one, once."
        )
        invite = verbs.add_parser("invite", help="Print a link with which a person chooses a password, once.")
        invite.add_argument("username")
        reset = verbs.add_parser("reset-mfa", help="Remove all second factors of a person who has lost them.")
        reset.add_argument("username")
        for verb, words in (
            ("deactivate", "Sign a person out for good, and end what their agents were allowed."),
            ("reactivate", "Let a person sign in again."),
        ):
            verbs.add_parser(verb, help=words).add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {
            "add": self._add,
            "invite": self._invite,
            "reset-mfa": self._reset,
            "deactivate": self._deactivate,
            "reactivate": self._reactivate,
        }
        try:
            verbs[options["verb"]](options)
        except ServiceError as error:
            raise CommandError(error.message, returncode=2) from error

    def _add(self, options: dict[str, Any]) -> None:
        person = people.add_person(
            actor=COMMAND_LINE,
            username=options["username"],
            first_name=options["first_name"],
            last_name=options["last_name"],
            email=options["email"],
            password=None if options["invite"] else _password(),
            groups=options["group"],
            is_administrator=options["administrator"],
        )
        self.stdout.write(f"{person} can sign in as {person.username}.")
        if options["invite"]:
            self._print_way_in(person)

    def _invite(self, options: dict[str, Any]) -> None:
        self._print_way_in(_person(options["username"]))

    def _reset(self, options: dict[str, Any]) -> None:
        person = _person(options["username"])
        number = second_factors.reset(actor=COMMAND_LINE, person=person)
        self.stdout.write(f"{number} second factors of {person} are removed, and every session has ended.")

    def _deactivate(self, options: dict[str, Any]) -> None:
        person = _person(options["username"])
        people.deactivate(actor=COMMAND_LINE, person=person)
        self.stdout.write(f"{person} cannot sign in any more.")

    def _reactivate(self, options: dict[str, Any]) -> None:
        person = _person(options["username"])
        people.reactivate(actor=COMMAND_LINE, person=person)
        self.stdout.write(f"{person} can sign in again as {person.username}.")

    def _print_way_in(self, person: Person) -> None:
        token = people.invite(actor=COMMAND_LINE, person=person)
        path = reverse("invitation", args=[person.pk, token])
        self.stdout.write(f"Once, within {settings.INVITATION_HOURS} hours, at this portal's address: {path}")


def _person(username: str) -> Person:
    person = selectors.person_named(username)
    if person is None:
        raise CommandError(f"Nobody signs in as {username}.", returncode=2)
    return person


def _password() -> str:
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
