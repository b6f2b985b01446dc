"""`manage.py instance`: copies of agents that run elsewhere: provisioned, rekeyed, deprovisioned, listed."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from agents import selectors
from agents.models import Agent, AgentInstance, Person
from agents.oauth.jwk import read
from agents.services import copies
from audits.errors import ServiceError

UNABLE = 2


class Command(BaseCommand):
    help = "Provision, rekey, deprovision and list copies of agents that run elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="Give a copy of the active version an identity.")
        add.add_argument("agent", help="The agent's slug.")
        add.add_argument("--days", type=int, default=30, help="How long it may ask for tokens.")
        rekey = verbs.add_parser("rotate", help="Give a copy another key; the old one overlaps.")
        remove = verbs.add_parser("remove", help="End a copy and everything it holds.")
        for verb in (rekey, remove):
            verb.add_argument("instance", help="Its SPIFFE id.")
        proves = add.add_mutually_exclusive_group(required=True)
        proves.add_argument(
            "--svid", action="store_true", help="The mesh gives it certificates with its name."
        )
        what = "Its public key, PEM or JWK, or its certificate, PEM."
        proves.add_argument("--key", type=Path, help=what)
        rekey.add_argument("--key", type=Path, required=True, help=what)
        for verb in (add, rekey, remove):
            verb.add_argument("--as", dest="person", required=True, help="The user name of who does it.")
        verbs.add_parser("list", help="List the copies that have not ended.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except ServiceError as error:
            raise CommandError(error.message, returncode=UNABLE) from error

    def _add(self, options: dict[str, Any]) -> None:
        agent = Agent.objects.select_related("active_version").filter(slug=options["agent"]).first()
        if agent is None or agent.active_version is None:
            raise CommandError(
                f"No agent {options['agent']} has an approved version that runs.", returncode=UNABLE
            )
        instance = copies.provision(
            actor=_person(options),
            agent=agent,
            version=agent.active_version,
            jwk=None if options["svid"] else _key(options["key"]),
            days=options["days"],
        )
        self.stdout.write(f"{instance.spiffe_id} may ask for tokens until {instance.expires_at:%Y-%m-%d}.")

    def _rotate(self, options: dict[str, Any]) -> None:
        added = copies.rotate_key(
            actor=_person(options), instance=_instance(options), jwk=_key(options["key"])
        )
        self.stdout.write(f"The key {added.thumbprint} counts from now on.")

    def _remove(self, options: dict[str, Any]) -> None:
        left = copies.deprovision(actor=_person(options), instance=_instance(options))
        self.stdout.write(f"Gone. Left of it: {json.dumps(left)}.")

    def _list(self, _options: dict[str, Any]) -> None:
        rows = AgentInstance.objects.filter(ended_at__isnull=True, expires_at__gt=timezone.now())
        for instance in rows.select_related("version").order_by("spiffe_id"):
            self.stdout.write(
                f"{instance.spiffe_id}\t{instance.version.label}\t{instance.expires_at:%Y-%m-%d}"
            )


def _person(options: dict[str, Any]) -> Person:
    person = selectors.person_named(options["person"])
    if person is None:
        raise CommandError(f"There is no person {options['person']}.", returncode=UNABLE)
    return person


def _instance(options: dict[str, Any]) -> AgentInstance:
    rows = AgentInstance.objects.select_related("agent", "version")
    instance = rows.filter(spiffe_id=options["instance"]).first()
    if instance is None:
        raise CommandError(f"There is no copy {options['instance']}.", returncode=UNABLE)
    return instance


def _key(path: Path) -> dict[str, Any]:
    """A public key from a file, PEM or JWK."""
    try:
        return read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}", returncode=UNABLE) from error
