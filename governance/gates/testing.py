"""Gate 5: this very build has passed the tests that the class asks for, not too long ago (S1-18, S1-26)."""

from collections.abc import Iterator

from agents.choices import VersionTestKind
from governance.choices import Gate, Place
from governance.gates.facts import Demands, Evidence, Facts, Lack, Result, missing, stale


def evaluate(facts: Facts) -> Result:
    if facts.demands is None:
        return Result(
            Gate.TESTING, (missing("Which tests are asked for follows from its risk.", Place.QUESTIONNAIRE),)
        )
    lacks = tuple(lack for kind in facts.demands.tests for lack in _lacks(facts, facts.demands, kind))
    return Result(Gate.TESTING, lacks, tuple(_evidence(facts, facts.demands)))


def _lacks(facts: Facts, demands: Demands, kind: str) -> Iterator[Lack]:
    name = VersionTestKind(kind).label
    newest = facts.latest_tests(kind)
    failed = [test.suite for test in newest if not test.passed]
    if failed:
        yield missing(f"{name}: the newest run failed of {', '.join(failed)}.", Place.TESTS)
    elif not newest:
        yield missing(f"{name}: no run on this version is recorded.", Place.TESTS)
    else:
        for test in newest:
            if (age := facts.days_since(test.ended_at)) > demands.test_max_days:
                yield stale(
                    f"{name}: {test.suite} last ran {age} days ago; the class asks for a run that is no "
                    f"older than {demands.test_max_days} days.",
                    Place.TESTS,
                )


def _evidence(facts: Facts, demands: Demands) -> Iterator[Evidence]:
    for kind in demands.tests:
        for test in facts.latest_tests(kind):
            if test.passed:
                what = f"{VersionTestKind(kind).label}: {test.suite}"
                yield Evidence(test.reference, what, test.digest)
