"""`manage.py person add`: add somebody who may sign in, through the same service as the admin."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents.services import people
from audits.actor import Actor
from audits.errors import ServiceError
from portal.roles import AUDITORS, BOARD, OWNERS


class Command(BaseCommand):
    help = "Add a person. The password is asked for, or read from standard input where that is no terminal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_subparsers(dest="verb", required=True).add_parser("add", help="Add a person.")
        add.add_argument("username")
        add.add_argument("--first-name", default="")
        add.add_argument("--last-name", default="")
        add.add_argument("--email", default="")
        add.add_argument("--group", action="append", default=[], choices=(AUDITORS, BOARD, OWNERS))
        add.add_argument("--administrator", action="store_true", help="May configure everything.")

    def handle(self, *args: Any, **options: Any) -> None:
        password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            person = people.add_person(
                actor=Actor.system("command-line"),
                username=options["username"],
                first_name=options["first_name"],
                last_name=options["last_name"],
                email=options["email"],
                password=password,
                groups=options["group"],
                is_administrator=options["administrator"],
            )
        except ServiceError as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"{person} can sign in as {person.username}.")
