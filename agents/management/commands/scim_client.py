"""`manage.py scim_client`: who may tell over SCIM who works here."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents.models import ScimClient
from agents.services import scim_clients
from audits.actor import Actor
from audits.errors import ServiceError

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Register provisioning clients. A credential is printed once, when it is made, and kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb, words in (
            ("add", "Register one; prints its bearer credential."),
            ("rotate", "Give it another credential; prints it. The one before counts no more."),
            ("revoke", "End it, at once and for good."),
        ):
            verbs.add_parser(verb, help=words).add_argument("name")
        verbs.add_parser("list", help="List them.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options.get("name", ""))
        except ServiceError as error:
            raise CommandError(" ".join((error.message, *error.fields.values())), returncode=2) from error

    def _add(self, name: str) -> None:
        _, credential = scim_clients.add(actor=ACTOR, name=name)
        self.stdout.write(credential)

    def _rotate(self, name: str) -> None:
        self.stdout.write(scim_clients.rotate(actor=ACTOR, client=_named(name)))

    def _revoke(self, name: str) -> None:
        scim_clients.revoke(actor=ACTOR, client=_named(name))
        self.stdout.write(f"{name} is revoked.")

    def _list(self, _name: str) -> None:
        for client in ScimClient.objects.order_by("name"):
            state = "revoked" if client.revoked_at else "live"
            seen = f"{client.last_seen_at:%Y-%m-%dT%H:%MZ}" if client.last_seen_at else "never seen"
            self.stdout.write(f"{client.name}\t{state}\t{seen}")


def _named(name: str) -> ScimClient:
    client = ScimClient.objects.filter(name=name).first()
    if client is None:
        raise CommandError(f"There is no provisioning client {name}. See `scim_client list`.", returncode=2)
    return client
