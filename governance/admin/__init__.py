"""The pages of governance: what waits for the board, what is open, and what was decided."""

from governance.admin.approval import ApprovalAdmin
from governance.admin.decision import DecisionAdmin
from governance.admin.elevation import ElevationAdmin
from governance.admin.enforcement_point import EnforcementPointAdmin
from governance.admin.grant import GrantAdmin
from governance.admin.policy_version import PolicyVersionAdmin
from governance.admin.risk import RiskAssessmentAdmin, RiskClassAdmin
from governance.admin.seat import SeatAdmin

__all__ = [
    "ApprovalAdmin",
    "DecisionAdmin",
    "ElevationAdmin",
    "EnforcementPointAdmin",
    "GrantAdmin",
    "PolicyVersionAdmin",
    "RiskAssessmentAdmin",
    "RiskClassAdmin",
    "SeatAdmin",
]
