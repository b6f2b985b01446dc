"""`manage.py secret`: secrets by reference, added, allowed, listed, rotated, checked, given to a command."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents import secret_selectors, selectors
from agents.choices import ROTATE_ON, Rotator
from agents.models import Agent, AgentInstance, Person, SecretReference
from agents.services import secret_references, secret_rotations, secrets
from audits.actor import Actor
from audits.errors import ServiceError

ACTOR = Actor.system("command-line")
UNABLE = 2
KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")


class Command(BaseCommand):
    help = "Add, allow, list, rotate and check references to secrets. A value is never printed."
    _command: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="Say where a secret is.")
        add.add_argument("name")
        add.add_argument("uri", help="For example vault://mount/path#field.")
        add.add_argument("--owner", required=True, help="The user name of who answers for it.")
        add.add_argument("--purpose", required=True)
        add.add_argument("--rotator", choices=Rotator.values, default=Rotator.PERSON.value)
        add.add_argument("--days", type=int, default=90, help="Rotated after so many; 0: not by time.")
        add.add_argument("--uses", type=int, default=0, help="Rotated after so many; 0: not by use.")
        add.add_argument("--on", nargs="*", default=[], choices=ROTATE_ON, help="Rotated after these events.")
        add.add_argument("--overlap-hours", type=int, default=24)
        allow = verbs.add_parser("allow", help="Let an agent use it for an action on a resource.")
        for word in ("name", "agent", "action", "resource"):
            allow.add_argument(word)
        for verb, words in (
            ("rotate", "Rotate it now, or ask its owner to."),
            ("check", "Whether it can be read now, and which version it is."),
        ):
            verbs.add_parser(verb, help=words).add_argument("name")
        verbs.add_parser("list", help="List them.")
        run = verbs.add_parser("exec", help="Run a command with secrets in its environment.")
        run.add_argument("--copy", required=True, help="The SPIFFE id of the copy of an agent that runs it.")
        run.add_argument("--action", default="read_secret", help="What the decision point is asked.")
        run.add_argument("--resource", default="", help="On what; secret/NAME where it is not given.")
        run.add_argument("--intent", required=True, help="What it is for; it is recorded.")
        run.add_argument("given", nargs="+", metavar="NAME=VARIABLE")
        run.epilog = "The command itself stands after --."

    def run_from_argv(self, argv: list[str]) -> None:
        """What stands after `--` is the command's own, whatever it looks like."""
        cut = argv.index("--") if "--" in argv else len(argv)
        self._command = tuple(argv[cut + 1 :])
        super().run_from_argv(argv[:cut])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except ServiceError as error:
            raise CommandError(error.message, returncode=UNABLE) from error

    def _add(self, options: dict[str, Any]) -> None:
        facts = secret_references.Facts(
            uri=options["uri"],
            purpose=options["purpose"],
            owner=_person(options["owner"]),
            rotator=Rotator(options["rotator"]),
            rotate_days=options["days"] or None,
            rotate_uses=options["uses"] or None,
            rotate_on=options["on"],
            overlap_hours=options["overlap_hours"],
        )
        made = secret_references.add(actor=ACTOR, slug=options["name"], facts=facts)
        self.stdout.write(f"{made} is known. No agent may use it yet: `secret allow`.")

    def _allow(self, options: dict[str, Any]) -> None:
        agent = Agent.objects.filter(slug=options["agent"]).first()
        if agent is None:
            raise CommandError(f"There is no agent {options['agent']}.", returncode=UNABLE)
        use = secret_references.allow(
            actor=ACTOR,
            secret=_secret(options["name"]),
            agent=agent,
            action=options["action"],
            resource=options["resource"],
        )
        self.stdout.write(f"{agent.slug} may use {options['name']} for: {use}.")

    def _list(self, _options: dict[str, Any]) -> None:
        for secret in SecretReference.objects.filter(ended_at__isnull=True).select_related("owner"):
            due = secret_selectors.next_rotation(secret)
            state = "breached" if secret.breached_at else f"rotated by {due:%Y-%m-%d}" if due else "-"
            self.stdout.write(f"{secret.slug}\t{secret.uri}\t{secret.owner.username}\t{state}")

    def _rotate(self, options: dict[str, Any]) -> None:
        rotation = secret_rotations.rotate(actor=ACTOR, secret=_secret(options["name"]))
        self.stdout.write(f"{rotation.get_state_display()}. {rotation.error}".strip())

    def _check(self, options: dict[str, Any]) -> None:
        version = secret_references.check(actor=ACTOR, secret=_secret(options["name"]))
        self.stdout.write(f"yes\t{version or 'its store counts no versions'}")

    def _exec(self, options: dict[str, Any]) -> None:
        """The child gets the values, and of this process's environment what any program needs and no more."""
        if not self._command:
            raise CommandError("Give the command after --.", returncode=UNABLE)
        rows = AgentInstance.objects.select_related("agent", "version")
        copy = rows.filter(spiffe_id=options["copy"]).first()
        if copy is None:
            raise CommandError(f"There is no copy {options['copy']}.", returncode=UNABLE)
        with ExitStack() as held:
            values = {}
            for name, variable in map(_pair, options["given"]):
                task = secrets.Task(
                    action=options["action"],
                    resource=options["resource"] or f"secret/{name}",
                    intent=f"{options['intent']} (by secret exec: {self._command[0]})",
                )
                given = secrets.get_secret(reference=name, instance=copy, task=task, hand_out=True)
                values[variable] = held.enter_context(given)
            kept = {name: os.environ[name] for name in KEPT if name in os.environ}
            revealed = {variable: value.reveal() for variable, value in values.items()}
            child = subprocess.Popen(self._command, env=kept | revealed)  # noqa: S603 - what was asked for
            del revealed
        sys.exit(child.wait())


def _pair(given: str) -> tuple[str, str]:
    name, found, variable = given.partition("=")
    if not (found and name and variable.isidentifier()):
        raise CommandError("Say NAME=VARIABLE: which secret, in which variable.", returncode=UNABLE)
    return name, variable


def _person(username: str) -> Person:
    person = selectors.person_named(username)
    if person is None:
        raise CommandError(f"There is no person {username}.", returncode=UNABLE)
    return person


def _secret(name: str) -> SecretReference:
    secret = SecretReference.objects.filter(slug=name).first()
    if secret is None:
        raise CommandError(f"There is no secret {name}. See `secret list`.", returncode=UNABLE)
    return secret
