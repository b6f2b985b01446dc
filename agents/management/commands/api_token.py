"""`manage.py api_token`: personal tokens of the management API, for installation scripts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents import permissions, selectors
from agents.choices import TokenScope
from agents.models import ApiToken, Person
from agents.services import api_tokens
from audits.actor import Actor
from audits.errors import ServiceError

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Make, list and revoke personal API tokens. A token is printed once, when it is made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser(
            "add", help="Make a token that acts as this person; prints it, and nothing else."
        )
        add.add_argument("username")
        add.add_argument("--name", default="command line", help="What will use it.")
        add.add_argument("--scope", choices=TokenScope.values, default=TokenScope.READ.value)
        add.add_argument("--days", type=int, help="How long it lives.")
        verbs.add_parser("list", help="List the person's tokens.").add_argument("username")
        revoke = verbs.add_parser("revoke", help="End a token, or all of the person's, at once and for good.")
        revoke.add_argument("username")
        revoke.add_argument("prefix", nargs="?", help="How the token begins, as `list` says; without: all.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = selectors.person_named(options["username"])
        if person is None:
            raise CommandError(f"Nobody signs in as {options['username']}.", returncode=2)
        try:
            getattr(self, f"_{options['verb']}")(person, options)
        except ServiceError as error:
            raise CommandError(error.message, returncode=2) from error

    def _add(self, person: Person, options: dict[str, Any]) -> None:
        _token, secret = api_tokens.add(
            actor=ACTOR,
            person=person,
            name=options["name"],
            scope=TokenScope(options["scope"]),
            days=options["days"],
        )
        self.stdout.write(secret)

    def _list(self, person: Person, _options: dict[str, Any]) -> None:
        for token in ApiToken.objects.filter(person=person).select_related("person"):
            refusal = permissions.why_not_use_api_token(token)
            used = f"{token.last_used_at:%Y-%m-%dT%H:%MZ}" if token.last_used_at else "never used"
            state = refusal.value if refusal else "live"
            self.stdout.write(f"{token.prefix}\t{token.scope}\t{state}\t{used}\t{token.name}")

    def _revoke(self, person: Person, options: dict[str, Any]) -> None:
        live = ApiToken.objects.filter(person=person, revoked_at__isnull=True)
        if options["prefix"]:
            live = live.filter(prefix=options["prefix"])
        tokens = list(live)
        if not tokens:
            raise CommandError("There is no such live token. See `api_token list`.", returncode=2)
        for token in tokens:
            api_tokens.revoke(actor=ACTOR, token=token)
            self.stdout.write(f"{token.prefix} is revoked.")
