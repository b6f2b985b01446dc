"""The register and the agents' work, to look at. Importing this package registers its pages."""

from agents.admin.agent import AgentAdmin
from agents.admin.credential import CredentialAdmin
from agents.admin.document import AgentDocumentAdmin
from agents.admin.finding import FindingAdmin
from agents.admin.person import PersonAdmin
from agents.admin.proposal import ProposedActionAdmin
from agents.admin.report import ReportAdmin
from agents.admin.run import RunAdmin
from agents.admin.session import LockoutAdmin, SessionAdmin
from agents.admin.target import ExposureAdmin, ScannedTargetAdmin
from agents.admin.ticket import TicketAdmin
from agents.admin.turn import ModelTurnAdmin
from agents.admin.version import AgentVersionAdmin
from agents.admin.vulnerability import VulnerabilityAdmin

__all__ = [
    "AgentAdmin",
    "AgentDocumentAdmin",
    "AgentVersionAdmin",
    "CredentialAdmin",
    "ExposureAdmin",
    "FindingAdmin",
    "LockoutAdmin",
    "ModelTurnAdmin",
    "PersonAdmin",
    "ProposedActionAdmin",
    "ReportAdmin",
    "RunAdmin",
    "ScannedTargetAdmin",
    "SessionAdmin",
    "TicketAdmin",
    "VulnerabilityAdmin",
]
