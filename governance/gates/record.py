"""How the ten gates stood, as it is frozen with a request to the board and answered to a pipeline. Pure."""

from collections.abc import Collection, Sequence
from typing import Any

from governance.gates.facts import Result


def of(results: Sequence[Result], demanded: Collection[str]) -> list[dict[str, Any]]:
    """In the ledger's canonical profile. `demanded` are the gates that had to be met for the request."""
    return [
        {
            "gate": result.gate.value,
            "state": result.state.value,
            "demanded": result.gate.value in demanded,
            "missing": [
                {"sentence": lack.sentence, "place": lack.place.value, "after_approval": lack.after_approval}
                for lack in result.lacks
            ],
            "evidence": [
                {"reference": item.reference, "what": item.what, "digest": item.digest}
                for item in result.evidence
            ],
            "warnings": list(result.warnings),
        }
        for result in results
    ]
