"""`manage.py ledger erase|redact|prune|export-subject`. What goes is shown first."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from django.core.management.base import OutputWrapper

from audits.formats import is_reference
from audits.management.verbs import COMMAND_LINE, DONE, Verb, shows
from audits.services import erasure, pruning, subjects

EXECUTE = "Do it. Without this, it is only shown."


def event_id(text: str) -> UUID:
    try:
        return UUID(text.removeprefix("event/"))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not the id of an event.") from None


# --- erase ---------------------------------------------------------------------------------------------
def _erase_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("subject", help="person/<id>, as on the person's page.")
    parser.add_argument("--reason", help="Why, for the record. It stays: name nobody.")
    parser.add_argument("--request", default="", help="Reference of the person's request.")
    parser.add_argument(
        "--mentions", action="store_true", help="List the events of others that quote the person."
    )
    parser.add_argument(
        "--also", action="append", default=[], metavar="WORD", help="With --mentions: look for this too."
    )
    parser.add_argument("--execute", action="store_true", help=EXECUTE)


def _erase(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    subject = options["subject"]
    if options["mentions"]:
        _list_mentions(subject, options["also"], out)
    if not options["execute"]:
        plan = erasure.plan(subject=subject)
        shows("erase", subject if is_reference(subject) else "person")
        out.write(
            f"{subject}: {plan.keys} keys, {plan.payloads} payloads and {plan.names} names would be "
            "unreadable for good, and the account nobody's."
        )
        out.write(
            "\n".join(plan.against) or "Nothing stands against it. Give --reason and --execute to do it."
        )
        return DONE
    event = erasure.erase(
        actor=COMMAND_LINE, subject=subject, reason=options["reason"] or "", request=options["request"]
    )
    out.write(f"Erased: event {event.pk} says so, and the proof of everything else holds.")
    return DONE


def _list_mentions(subject: str, also: list[str], out: OutputWrapper) -> None:
    found = subjects.mentions(actor=COMMAND_LINE, subject=subject, also=also)
    for mention in found:
        words = ", ".join(mention.words)
        out.write(f"{mention.event}  {mention.time:%Y-%m-%d}  {mention.action}  {mention.stream}  {words}")
    out.write(f"{len(found)} events of other streams quote the person. Redact those that should not.")


# --- redact --------------------------------------------------------------------------------------------
def _redact_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("events", nargs="+", type=event_id, metavar="EVENT", help="Ids of events.")
    parser.add_argument("--reason", required=True, help="Why, for the record. It stays: name nobody.")
    parser.add_argument("--execute", action="store_true", help=EXECUTE)


def _redact(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    if not options["execute"]:
        out.write(f"The bodies of {len(set(options['events']))} events would go. Give --execute to do it.")
        return DONE
    event = erasure.redact(actor=COMMAND_LINE, events=options["events"], reason=options["reason"])
    out.write(f"Redacted: event {event.pk} says so.")
    return DONE


# --- prune ---------------------------------------------------------------------------------------------
def _prune_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, help="At most so many segments.")
    parser.add_argument("--execute", action="store_true", help=EXECUTE)


def _prune(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    if options["execute"]:
        pruned = pruning.prune(actor=COMMAND_LINE, limit=options["limit"])
        for tombstone in pruned:
            out.write(f"{tombstone}: pruned, as event {tombstone.by} says.")
        out.write(f"{len(pruned)} segments pruned.")
        return DONE
    shows("prune", "ledger")
    free = 0
    for candidate in pruning.candidates(limit=options["limit"]):
        free += not candidate.why_not
        out.write(
            f"Entries {candidate.low} to {candidate.high - 1}: {candidate.why_not or 'nothing keeps them.'}"
        )
    out.write(f"{free} segments could go. Give --execute to prune them.")
    return DONE


# --- export-subject ------------------------------------------------------------------------------------
def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("subject", help="person/<id>, as on the person's page.")


def _export(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    found = subjects.export(actor=COMMAND_LINE, subject=options["subject"])
    out.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    return DONE


ERASE = Verb("Erase a person: names, payloads of their stream, account.", _erase, _erase_arguments)
REDACT = Verb("Delete the bodies of events.", _redact, _redact_arguments)
PRUNE = Verb("Let go of segments that nothing keeps any more.", _prune, _prune_arguments)
EXPORT_SUBJECT = Verb("All that is held about a person, as JSON.", _export, _export_arguments)
