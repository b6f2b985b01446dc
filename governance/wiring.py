"""What governance provides to the rooms below it, registered when it starts."""

from agents import decision_point
from audits import evidence
from governance.decisions import GovernanceDecisionPoint
from governance.evidence import GovernanceEvidence

EVIDENCE = GovernanceEvidence()


def connect() -> None:
    decision_point.register(GovernanceDecisionPoint())
    evidence.register(EVIDENCE)
