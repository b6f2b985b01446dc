"""The register and the agents' work, to look at. Importing this package registers its pages."""

from agents.admin.agent import AgentAdmin
from agents.admin.anomaly import AnomalyRuleAdmin, EgressAnomalyAdmin
from agents.admin.api_token import ApiTokenAdmin
from agents.admin.credential import CredentialAdmin
from agents.admin.delegation import DelegationAdmin
from agents.admin.delivery import DeliveryAdmin
from agents.admin.dependency import DependencyAdmin
from agents.admin.document import AgentDocumentAdmin
from agents.admin.egress import EgressExceptionAdmin, EgressPolicyAdmin
from agents.admin.egress_attempt import EgressAttemptAdmin
from agents.admin.endpoint import EndpointAdmin
from agents.admin.finding import FindingAdmin
from agents.admin.handover import HandoverAdmin
from agents.admin.instance import AgentInstanceAdmin
from agents.admin.person import PersonAdmin
from agents.admin.policy import AgentPolicyAdmin
from agents.admin.proposal import ProposedActionAdmin
from agents.admin.report import ReportAdmin
from agents.admin.run import RunAdmin
from agents.admin.scim_client import ScimClientAdmin
from agents.admin.secret import SecretReferenceAdmin
from agents.admin.session import LockoutAdmin, SessionAdmin
from agents.admin.target import ExposureAdmin, ScannedTargetAdmin
from agents.admin.third_party import ThirdPartyAdmin
from agents.admin.ticket import TicketAdmin
from agents.admin.tool import ToolAdmin
from agents.admin.turn import ModelTurnAdmin
from agents.admin.version import AgentVersionAdmin
from agents.admin.version_test import VersionTestAdmin
from agents.admin.vulnerability import VulnerabilityAdmin

__all__ = [
    "AgentAdmin",
    "AgentDocumentAdmin",
    "AgentInstanceAdmin",
    "AgentPolicyAdmin",
    "AgentVersionAdmin",
    "AnomalyRuleAdmin",
    "ApiTokenAdmin",
    "CredentialAdmin",
    "DelegationAdmin",
    "DeliveryAdmin",
    "DependencyAdmin",
    "EgressAnomalyAdmin",
    "EgressAttemptAdmin",
    "EgressExceptionAdmin",
    "EgressPolicyAdmin",
    "EndpointAdmin",
    "ExposureAdmin",
    "FindingAdmin",
    "HandoverAdmin",
    "LockoutAdmin",
    "ModelTurnAdmin",
    "PersonAdmin",
    "ProposedActionAdmin",
    "ReportAdmin",
    "RunAdmin",
    "ScannedTargetAdmin",
    "ScimClientAdmin",
    "SecretReferenceAdmin",
    "SessionAdmin",
    "ThirdPartyAdmin",
    "TicketAdmin",
    "ToolAdmin",
    "VersionTestAdmin",
    "VulnerabilityAdmin",
]
