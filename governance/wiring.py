"""What governance provides to the rooms below it, registered when it starts."""

from agents import decision_point, oversight
from audits import erasable, evidence
from governance import sensitivity
from governance.catalogue import ResourceCatalogue
from governance.decisions import GovernanceDecisionPoint
from governance.erasure import SeatErasure
from governance.evidence import GovernanceEvidence
from governance.services.oversight import GovernanceOversight

EVIDENCE = GovernanceEvidence()
ERASURE = SeatErasure()


def connect() -> None:
    decision_point.register(GovernanceDecisionPoint())
    oversight.register(GovernanceOversight())
    evidence.register(EVIDENCE)
    erasable.register(ERASURE)
    sensitivity.register(ResourceCatalogue())
