"""Gate 8: it is written how to isolate, roll back and quarantine it; for a high class, rehearsed."""

import re
from collections.abc import Mapping

from governance.choices import Gate, Place
from governance.gates import signing
from governance.gates.facts import Evidence, Facts, Result, missing

SECTIONS = ("Isolate", "Roll back", "Quarantine")
_heading = re.compile(
    r"\s*#{0,6}\s*(isolate|roll[ -]?back|quarantine)\b\s*[:.\u2013\u2014-]?\s*(.*)", re.IGNORECASE
)
_KEYS = {"isolate": "Isolate", "rollback": "Roll back", "quarantine": "Quarantine"}


def sections(runbook: str) -> Mapping[str, str]:
    """What the runbook says under each of its three headings; a heading begins a line."""
    found: dict[str, str] = {}
    current = ""
    for line in runbook.splitlines():
        if heading := _heading.match(line):
            current = _KEYS[re.sub("[ -]", "", heading[1].lower())]
            found[current] = f"{found.get(current, '')} {heading[2]}".strip()
        elif current:
            found[current] = f"{found[current]} {line}".strip()
    return found


def evaluate(facts: Facts) -> Result:
    written = sections(facts.runbook)
    absent = [name for name in SECTIONS if not written.get(name)]
    if absent:
        sentence = f"The runbook does not say how to {', '.join(name.lower() for name in absent)}: "
        return Result(
            Gate.RUNBOOKS,
            (missing(f"{sentence}begin a line with each of {', '.join(SECTIONS)}.", Place.ENTRY),),
        )
    return Result(
        Gate.RUNBOOKS,
        tuple(signing.lacks(Gate.RUNBOOKS, facts)),
        (
            Evidence(f"agent/{facts.agent}", "The runbook has all three parts"),
            *signing.evidence(Gate.RUNBOOKS, facts),
        ),
    )
