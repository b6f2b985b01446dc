from governance.models.access_request import AccessRequest
from governance.models.acknowledgement import Acknowledgement
from governance.models.agent_role import AgentRole, AgentRoleVersion, RoleAssignment
from governance.models.approval import Approval, Vote
from governance.models.approval_opening import ApprovalOpening
from governance.models.break_glass import BreakGlass
from governance.models.change_request import ChangeRequest
from governance.models.containment import Containment, Unfreeze
from governance.models.decision import Decision
from governance.models.elevation import Elevation
from governance.models.enforcement_point import EnforcementPoint
from governance.models.gate_signature import GateSignature
from governance.models.grant import Grant
from governance.models.impact_assessment import ImpactAssessment
from governance.models.mitigation import Mitigation
from governance.models.outcome import DecisionOutcome
from governance.models.pipeline import Pipeline
from governance.models.policy_replay import PolicyDifference, PolicyReplay
from governance.models.policy_version import PolicyVersion, PolicyVote
from governance.models.probe import Probe
from governance.models.release import Release
from governance.models.resource import Resource
from governance.models.risk import RiskAssessment, RiskClass
from governance.models.scope_exception import ScopeException
from governance.models.seat import Seat
from governance.models.shrinking import Shrinking

__all__ = [
    "AccessRequest",
    "Acknowledgement",
    "AgentRole",
    "AgentRoleVersion",
    "Approval",
    "ApprovalOpening",
    "BreakGlass",
    "ChangeRequest",
    "Containment",
    "Decision",
    "DecisionOutcome",
    "Elevation",
    "EnforcementPoint",
    "GateSignature",
    "Grant",
    "ImpactAssessment",
    "Mitigation",
    "Pipeline",
    "PolicyDifference",
    "PolicyReplay",
    "PolicyVersion",
    "PolicyVote",
    "Probe",
    "Release",
    "Resource",
    "RiskAssessment",
    "RiskClass",
    "RoleAssignment",
    "ScopeException",
    "Seat",
    "Shrinking",
    "Unfreeze",
    "Vote",
]
