"""Gate 7: its data and where it is are named, its records kept, its privacy assessed (S3-7)."""

from collections.abc import Iterator

from governance.choices import AssessmentKind, Gate, Place
from governance.gates.facts import Evidence, Facts, Lack, Result, missing

# The answers of the risk questionnaire that say that people's data may be among it.
PERSONAL = frozenset({"confidential", "special"})


def evaluate(facts: Facts) -> Result:
    return Result(Gate.DATA_PROTECTIONS, tuple(_lacks(facts)), tuple(_evidence(facts)))


def _lacks(facts: Facts) -> Iterator[Lack]:
    if not facts.data_categories:
        yield missing("No category of data is named that it sees.", Place.ENTRY)
    if not facts.jurisdictions:
        yield missing("No jurisdiction is named in which it works and its data is.", Place.ENTRY)
    for framework in facts.frameworks_without_rule:
        yield missing(f"There is no retention rule for {framework}.", Place.RETENTION)
    if facts.demands and facts.kept_days < facts.demands.retention_days:
        yield missing(
            f"Its records are kept {facts.kept_days} days; its risk class asks for "
            f"{facts.demands.retention_days}.",
            Place.RETENTION,
        )
    if _personal(facts) and AssessmentKind.PRIVACY not in facts.assessments:
        yield missing(
            "It may see personal data, and no privacy impact assessment is signed.", Place.ASSESSMENTS
        )


def _personal(facts: Facts) -> bool:
    return facts.risk is not None and facts.risk.data_sensitivity in PERSONAL


def _evidence(facts: Facts) -> Iterator[Evidence]:
    if facts.data_categories and facts.jurisdictions:
        yield Evidence(f"agent/{facts.agent}", f"Data named; records kept {facts.kept_days} days")
    if _personal(facts) and (signed := facts.assessments.get(AssessmentKind.PRIVACY)):
        yield Evidence(signed.reference, AssessmentKind.PRIVACY.label, signed.digest)
