"""What governance provides to the rooms below it, registered when it starts."""

from agents import decision_point
from audits import erasable, evidence
from governance.decisions import GovernanceDecisionPoint
from governance.erasure import SeatErasure
from governance.evidence import GovernanceEvidence

EVIDENCE = GovernanceEvidence()
ERASURE = SeatErasure()


def connect() -> None:
    decision_point.register(GovernanceDecisionPoint())
    evidence.register(EVIDENCE)
    erasable.register(ERASURE)
