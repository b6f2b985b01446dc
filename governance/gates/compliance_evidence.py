"""Gate 9: the evidence is complete before the board decides, and bundled of what ran afterwards (S1-20)."""

from collections.abc import Iterator

from agents.choices import DocumentKind
from governance.choices import Gate, Place
from governance.gates.facts import Bundled, Evidence, Facts, Lack, Result, missing, stale

# Risk assessments and test records are the portal's own; incidents may be none.
NEEDED = (DocumentKind.ARCHITECTURE, DocumentKind.DATA_FLOW, DocumentKind.POLICY)


def evaluate(facts: Facts) -> Result:
    return Result(
        Gate.COMPLIANCE_EVIDENCE,
        (*_documents(facts), *_bundle(facts)),
        tuple(_evidence(facts)),
    )


def _documents(facts: Facts) -> Iterator[Lack]:
    attached = {document.kind for document in facts.documents}
    for kind in NEEDED:
        if kind not in attached:
            yield missing(f"{kind.label}: none is attached.", Place.DOCUMENTS)
    if not facts.tests and DocumentKind.TESTING not in attached:
        yield missing(
            f"{DocumentKind.TESTING.label}: no test is recorded, and none is attached.", Place.DOCUMENTS
        )


def _bundle(facts: Facts) -> Iterator[Lack]:
    days = facts.demands.review_days if facts.demands else 0
    bundle = facts.bundle
    if facts.approved_at is None:
        sentence = "An evidence bundle is built once the board has approved."
        yield missing(sentence, Place.BUNDLES, after_approval=True)
    elif bundle is None or bundle.built_at < facts.approved_at:
        sentence = "No evidence bundle about the agent was built since the board approved this version."
        yield missing(sentence, Place.BUNDLES, after_approval=True)
    elif bundle.missing:
        sentence = (
            f"The newest evidence bundle says of itself that {bundle.missing} things are missing in it."
        )
        yield missing(sentence, Place.BUNDLES, after_approval=True)
    elif (age := facts.days_since(bundle.built_at)) > days:
        sentence = f"The newest evidence bundle is {age} days old; the class asks for one every {days} days."
        yield stale(sentence, Place.BUNDLES, after_approval=True)


def _evidence(facts: Facts) -> Iterator[Evidence]:
    for document in facts.documents:
        if document.kind in NEEDED:
            yield Evidence(document.reference, DocumentKind(document.kind).label, document.digest)
    if (bundle := _counting(facts)) is not None:
        yield Evidence(bundle.reference, "Evidence bundle", bundle.digest)


def _counting(facts: Facts) -> Bundled | None:
    return facts.bundle if not any(_bundle(facts)) else None
