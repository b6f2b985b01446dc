"""Gate 10: somebody hears of what goes wrong once it runs, and the entry is reviewed when it is due."""

from collections.abc import Iterator

from governance.choices import Gate, Place
from governance.gates import signing
from governance.gates.facts import Evidence, Facts, Lack, Result, missing, stale


def evaluate(facts: Facts) -> Result:
    return Result(
        Gate.POST_DEPLOYMENT,
        (*_signature(facts), *_review(facts)),
        (*signing.evidence(Gate.POST_DEPLOYMENT, facts), *_reviewed(facts)),
    )


def _signature(facts: Facts) -> Iterator[Lack]:
    if facts.demands is None:
        yield missing("How often it is reviewed follows from its risk.", Place.QUESTIONNAIRE)
    else:
        yield from signing.lacks(Gate.POST_DEPLOYMENT, facts)


def _review(facts: Facts) -> Iterator[Lack]:
    if facts.approved_at is None:
        sentence = "The date of its review is set when the board approves."
        yield missing(sentence, Place.ENTRY, after_approval=True)
    elif facts.review_date is None:
        yield missing("No date is set for its review.", Place.ENTRY, after_approval=True)
    elif facts.review_date < facts.now.date():
        yield stale(
            f"Its review was due on {facts.review_date.isoformat()}.", Place.ENTRY, after_approval=True
        )


def _reviewed(facts: Facts) -> Iterator[Evidence]:
    if facts.review_date and not any(_review(facts)):
        yield Evidence(f"agent/{facts.agent}", f"Reviewed by {facts.review_date.isoformat()}")
