"""`manage.py siem status|send|replay`."""

import json
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from audits.actor import Actor
from audits.errors import ServiceError
from audits.services import siem

FAILING, UNABLE = 1, 2


class Command(BaseCommand):
    help = "What SIEMs were told. Exit code 0: well or done, 1: a sink does not take events, 2: unable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        status = verbs.add_parser("status", help="Where each sink stands.")
        status.add_argument("--json", action="store_true", help="One JSON object for each sink.")
        send = verbs.add_parser("send", help="Deliver what waits now, without the pause after a failure.")
        send.add_argument("--sink", help="Only this one, by its name.")
        replay = verbs.add_parser("replay", help="Tell a sink again.")
        replay.add_argument("--sink", required=True, help="Its name, as `siem status` shows it.")
        replay.add_argument("--from", type=int, required=True, dest="seq", help="First entry of the ledger.")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs = {"status": self.status, "send": self.send, "replay": self.replay}
        try:
            verbs[options["verb"]](options)
        except ServiceError as error:
            self.stderr.write(error.message)
            sys.exit(UNABLE)

    def status(self, options: dict[str, Any]) -> None:
        standings = siem.standings()
        if not standings:
            self.stdout.write("No sink: COUNTERSIGN_SIEM is not set.")
        for standing in standings:
            self.stdout.write(_as_json(standing) if options["json"] else _in_words(standing))
        self._exit_where_failing(standings)

    def send(self, options: dict[str, Any]) -> None:
        for name in [options["sink"]] if options["sink"] else siem.configured():
            confirmed = 0
            while done := siem.deliver(name=name, patient=False):
                confirmed += done
            self.stdout.write(f"{name}: {confirmed} entries confirmed.")
        self._exit_where_failing(siem.standings())

    def replay(self, options: dict[str, Any]) -> None:
        siem.replay(actor=Actor.system("command-line"), name=options["sink"], seq=options["seq"])
        self.stdout.write(f"{options['sink']} is told again from entry {options['seq']} on.")

    def _exit_where_failing(self, standings: list[siem.Standing]) -> None:
        failing = [standing for standing in standings if standing.is_failing]
        for standing in failing:
            self.stderr.write(f"{standing.cursor.name} does not take events: {standing.cursor.error}")
        if failing:
            sys.exit(FAILING)


def _in_words(standing: siem.Standing) -> str:
    cursor = standing.cursor
    state = "failing" if standing.is_failing else "well" if standing.sink else "not configured any more"
    lag = f", the oldest sealed at {standing.since.isoformat()}" if standing.since else ""
    return f"{cursor.name}: {state}; entry {cursor.next_seq} is next, {standing.waiting} wait{lag}"


def _as_json(standing: siem.Standing) -> str:
    cursor = standing.cursor
    return json.dumps(
        {
            "sink": cursor.name,
            "configured": standing.sink is not None,
            "next_seq": cursor.next_seq,
            "waiting": standing.waiting,
            "lag_seconds": int((datetime.now(UTC) - standing.since).total_seconds()) if standing.since else 0,
            "delivered_at": cursor.delivered_at and cursor.delivered_at.isoformat(),
            "failing_since": cursor.failing_since and cursor.failing_since.isoformat(),
            "attempts": cursor.attempts,
            "error": cursor.error,
        }
    )
