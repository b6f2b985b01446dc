"""`manage.py agent_policy`: the agent policy (S1-1), to look at, to take away and to apply."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from agents import policy, selectors
from agents.services import agent_policies
from audits.actor import Actor
from audits.errors import ServiceError

ACTOR = Actor.system("command-line")
REFUSED = 2


class Command(BaseCommand):
    help = "The agent policy: who may request agents, for which problems, and how freely they act."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show", help="which policy counts, and which agents are outside it")
        verbs.add_parser("export", help="the policy that counts, as YAML")
        apply = verbs.add_parser("apply", help="let this policy count from now on")
        apply.add_argument("file", metavar="FILE.yaml")
        apply.add_argument("--reason", required=True, help="why it changes; it is recorded")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "export":
            self.stdout.write(policy.active().yaml, ending="")
        elif options["verb"] == "show":
            self._show()
        else:
            self._apply(Path(options["file"]), options["reason"])

    def _show(self) -> None:
        applied = selectors.active_policy()
        self.stdout.write(
            f"{applied}, applied {applied.applied_at:%Y-%m-%d} by {applied.applied_by}: {applied.reason}"
            if applied
            else "The policy that the product ships with; none was applied."
        )
        self.stdout.write(json.dumps(policy.active().record, indent=2, ensure_ascii=False))
        self._outside()

    def _apply(self, path: Path, reason: str) -> None:
        try:
            applied = agent_policies.apply(actor=ACTOR, text=path.read_text(encoding="utf-8"), reason=reason)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"Cannot read {path}: {error}", returncode=REFUSED) from error
        except ServiceError as error:
            raise CommandError(error.message, returncode=REFUSED) from error
        self.stdout.write(f"{applied} counts from now on.")
        self._outside()

    def _outside(self) -> None:
        for agent, violations in policy.agents_outside():
            self.stdout.write(f"Outside: {agent.slug}: {' '.join(one.sentence for one in violations)}")
