from governance.models.approval import Approval, Vote
from governance.models.decision import Decision
from governance.models.elevation import Elevation
from governance.models.enforcement_point import EnforcementPoint
from governance.models.grant import Grant
from governance.models.policy_version import PolicyVersion
from governance.models.risk import RiskAssessment, RiskClass
from governance.models.seat import Seat

__all__ = [
    "Approval",
    "Decision",
    "Elevation",
    "EnforcementPoint",
    "Grant",
    "PolicyVersion",
    "RiskAssessment",
    "RiskClass",
    "Seat",
    "Vote",
]
