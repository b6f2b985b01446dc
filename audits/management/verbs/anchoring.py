"""`manage.py ledger anchor|anchors`."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from audits.choices import AnchorState
from audits.management.verbs import DONE, WRONG, Verb
from audits.services import anchoring

NONE = "No anchors: COUNTERSIGN_ANCHORS is not set. docs/anchors.md says what they are for."


def _anchor(_options: Mapping[str, Any], out: OutputWrapper, err: OutputWrapper) -> int:
    if not anchoring.sinks():
        out.write(NONE)
        return DONE
    published = anchoring.publish()
    for anchor in published:
        if anchor.state == AnchorState.ANCHORED:
            out.write(f"{anchor.sink}: {anchor.size} entries.")
        else:
            err.write(f"{anchor.sink}: {anchor.error}")
    if not published:
        out.write("Every anchor has the newest checkpoint.")
    return WRONG if any(anchor.state != AnchorState.ANCHORED for anchor in published) else DONE


def _anchors_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="Ask each anchor again, and compare.")
    parser.add_argument("--all", action="store_true", help="With --check: every receipt that is held here.")


def _anchors(options: Mapping[str, Any], out: OutputWrapper, err: OutputWrapper) -> int:
    found = anchoring.standing()
    if not found:
        out.write(NONE)
    for standing in found:
        out.write(_in_words(standing))
    if not options["check"]:
        return WRONG if any(standing.wrong for standing in found) else DONE
    examined = anchoring.examine(lambda sink: out.write(f"Asking {sink} …"), everything=options["all"])
    for warning in examined.warnings:
        err.write(f"Warning: {warning}")
    for problem in examined.problems:
        err.write(f"WRONG: {problem}")
    if not examined.problems:
        out.write("Nothing outside contradicts the ledger.")
    return WRONG if examined.problems else DONE


def _in_words(standing: anchoring.Standing) -> str:
    when = f"{standing.anchored_at:%Y-%m-%d %H:%M:%S} UTC" if standing.anchored_at else "never"
    state = "WRONG" if standing.wrong else "LATE" if standing.is_late else "well"
    said = f"{standing.level.value} {standing.sink}: {state}, {standing.size} entries, {when}."
    return " ".join(part for part in (said, standing.wrong or standing.error) if part)


ANCHOR = Verb("Publish the newest checkpoint to the anchors now.", _anchor)
ANCHORS = Verb("Show how the anchors stand; with --check ask them.", _anchors, _anchors_arguments)
