"""`manage.py pipeline`: which CI pipelines may record tests and ask the gate, for which agents."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents.models import Agent
from audits.actor import Actor
from audits.errors import ServiceError
from governance.models import Pipeline
from governance.services import pipelines

ACTOR = Actor.system("command-line")


class Command(BaseCommand):
    help = "Register CI pipelines. A credential is printed once, when it is made, and kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        adding = verbs.add_parser("add", help="Register one; prints its bearer credential.")
        adding.add_argument("name")
        adding.add_argument(
            "--agent", action="append", default=[], metavar="SLUG", help="An agent that it works for."
        )
        for verb, words in (
            ("rotate", "Give it another credential; prints it. The one before counts no more."),
            ("revoke", "End it, at once and for good."),
        ):
            verbs.add_parser(verb, help=words).add_argument("name")
        verbs.add_parser("list", help="List them.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except ServiceError as error:
            raise CommandError(" ".join((error.message, *error.fields.values())), returncode=2) from error

    def _add(self, options: dict[str, Any]) -> None:
        agents = [_agent(slug) for slug in dict.fromkeys(options["agent"])]
        _, credential = pipelines.add(actor=ACTOR, name=options["name"], agents=agents)
        self.stdout.write(credential)

    def _rotate(self, options: dict[str, Any]) -> None:
        self.stdout.write(pipelines.rotate(actor=ACTOR, pipeline=_named(options["name"])))

    def _revoke(self, options: dict[str, Any]) -> None:
        pipelines.revoke(actor=ACTOR, pipeline=_named(options["name"]))
        self.stdout.write(f"{options['name']} is revoked.")

    def _list(self, _options: dict[str, Any]) -> None:
        for pipeline in Pipeline.objects.order_by("name").prefetch_related("agents"):
            state = "revoked" if pipeline.revoked_at else "live"
            seen = f"{pipeline.last_seen_at:%Y-%m-%dT%H:%MZ}" if pipeline.last_seen_at else "never seen"
            agents = ",".join(agent.slug for agent in pipeline.agents.all())
            self.stdout.write(f"{pipeline.name}\t{state}\t{seen}\t{agents}")


def _agent(slug: str) -> Agent:
    agent = Agent.objects.filter(slug=slug).first()
    if agent is None:
        raise CommandError(f"The register has no agent {slug}.", returncode=2)
    return agent


def _named(name: str) -> Pipeline:
    pipeline = Pipeline.objects.filter(name=name).first()
    if pipeline is None:
        raise CommandError(f"There is no pipeline {name}. See `pipeline list`.", returncode=2)
    return pipeline
