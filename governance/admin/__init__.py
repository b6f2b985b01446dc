"""The pages of governance: what waits for the board, what is open, and what was decided."""

from governance.admin.agent_role import AgentRoleAdmin
from governance.admin.approval import ApprovalAdmin
from governance.admin.break_glass import BreakGlassAdmin
from governance.admin.change_request import ChangeRequestAdmin
from governance.admin.containment import ContainmentAdmin
from governance.admin.decision import DecisionAdmin
from governance.admin.elevation import ElevationAdmin
from governance.admin.enforcement_point import EnforcementPointAdmin
from governance.admin.gate_signature import GateSignatureAdmin
from governance.admin.grant import GrantAdmin
from governance.admin.impact_assessment import ImpactAssessmentAdmin, MitigationAdmin
from governance.admin.pipeline import PipelineAdmin
from governance.admin.policy_version import PolicyVersionAdmin
from governance.admin.release import ReleaseAdmin
from governance.admin.resource import ResourceAdmin
from governance.admin.risk import RiskAssessmentAdmin
from governance.admin.risk_class import RiskClassAdmin
from governance.admin.role_assignment import RoleAssignmentAdmin
from governance.admin.scope_exception import ScopeExceptionAdmin
from governance.admin.seat import SeatAdmin
from governance.admin.shrinking import ShrinkingAdmin

__all__ = [
    "AgentRoleAdmin",
    "ApprovalAdmin",
    "BreakGlassAdmin",
    "ChangeRequestAdmin",
    "ContainmentAdmin",
    "DecisionAdmin",
    "ElevationAdmin",
    "EnforcementPointAdmin",
    "GateSignatureAdmin",
    "GrantAdmin",
    "ImpactAssessmentAdmin",
    "MitigationAdmin",
    "PipelineAdmin",
    "PolicyVersionAdmin",
    "ReleaseAdmin",
    "ResourceAdmin",
    "RiskAssessmentAdmin",
    "RiskClassAdmin",
    "RoleAssignmentAdmin",
    "ScopeExceptionAdmin",
    "SeatAdmin",
    "ShrinkingAdmin",
]
