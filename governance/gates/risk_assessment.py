"""Gate 2: the risk is assessed, what its class asks for is signed, fresh and played through (S1-6)."""

from collections.abc import Iterator

from agents.choices import VersionTestKind
from governance.choices import AssessmentKind, Exercise, Gate, Place
from governance.gates.facts import Demands, Evidence, Facts, Lack, Result, SuiteRun, missing, stale

# A red-team test is worth a tabletop exercise, not the other way round.
PLAYED: dict[str, tuple[VersionTestKind, ...]] = {
    Exercise.NONE: (),
    Exercise.TABLETOP: (VersionTestKind.TABLETOP, VersionTestKind.RED_TEAM),
    Exercise.RED_TEAM: (VersionTestKind.RED_TEAM,),
}


def evaluate(facts: Facts) -> Result:
    if facts.risk is None or facts.demands is None:
        return Result(
            Gate.RISK_ASSESSMENT,
            (missing("The risk questionnaire is not answered.", Place.QUESTIONNAIRE),),
        )
    late = facts.overdue_mitigations
    return Result(
        Gate.RISK_ASSESSMENT,
        (*_questionnaire(facts, facts.demands), *_assessments(facts, facts.demands), *_exercise(facts)),
        tuple(_evidence(facts, facts.demands)),
        (f"{late} of the mitigations that were promised are overdue.",) if late else (),
    )


def _questionnaire(facts: Facts, demands: Demands) -> Iterator[Lack]:
    if facts.risk and (age := facts.days_since(facts.risk.assessed_at)) > demands.review_days:
        yield stale(
            f"The risk questionnaire was answered {age} days ago; the class asks for it every "
            f"{demands.review_days} days.",
            Place.QUESTIONNAIRE,
        )


def _assessments(facts: Facts, demands: Demands) -> Iterator[Lack]:
    for kind in demands.assessments:
        name = AssessmentKind(kind).label
        signed = facts.assessments.get(kind)
        if signed is None:
            yield missing(f"{name}: none is signed.", Place.ASSESSMENTS)
        elif (age := facts.days_since(signed.signed_at)) > demands.assessment_max_days:
            yield stale(
                f"{name}: signed {age} days ago; the class asks for one that is no older than "
                f"{demands.assessment_max_days} days.",
                Place.ASSESSMENTS,
            )


def _exercise(facts: Facts) -> Iterator[Lack]:
    asked = Exercise(facts.demands.exercise) if facts.demands else Exercise.NONE
    if asked is not Exercise.NONE and not _played(facts):
        yield missing(f"{asked.label}: none that passed and is fresh is on record.", Place.TESTS)


def _played(facts: Facts) -> list[SuiteRun]:
    """The exercises that count; none while the newest record of one failed."""
    if facts.demands is None:
        return []
    newest = [test for kind in PLAYED[facts.demands.exercise] for test in facts.latest_tests(kind)]
    if not all(test.passed for test in newest):
        return []
    return [test for test in newest if facts.days_since(test.ended_at) <= facts.demands.test_max_days]


def _evidence(facts: Facts, demands: Demands) -> Iterator[Evidence]:
    if facts.risk:
        yield Evidence(facts.risk.reference, f"Risk class {demands.level}")
    for kind in demands.assessments:
        if signed := facts.assessments.get(kind):
            yield Evidence(signed.reference, AssessmentKind(kind).label, signed.digest)
    for test in _played(facts):
        yield Evidence(test.reference, f"{VersionTestKind(test.kind).label}: {test.suite}", test.digest)
