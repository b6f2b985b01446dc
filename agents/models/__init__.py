from agents.models.agent import Agent
from agents.models.anomaly import AnomalyRule, EgressAnomaly
from agents.models.api_token import ApiToken, TokenFailures
from agents.models.assessment import Assessment
from agents.models.call import FunctionCall
from agents.models.credential import Credential
from agents.models.delegation import Delegation
from agents.models.delivery import Delivery
from agents.models.dependency import Dependency
from agents.models.document import AgentDocument
from agents.models.egress import EgressAttempt, EgressException, EgressPolicy
from agents.models.endpoint import Endpoint
from agents.models.exposure import Exposure
from agents.models.finding import Finding
from agents.models.handover import Handover
from agents.models.instance import AgentInstance
from agents.models.instance_key import InstanceKey
from agents.models.lockout import Lockout
from agents.models.notification import MailChoice, Notification
from agents.models.person import Person
from agents.models.policy import AgentPolicy
from agents.models.proposal import ProposedAction
from agents.models.rate import Allowance, RateLimit
from agents.models.report import Report
from agents.models.revocation import Revocation
from agents.models.run import Run
from agents.models.scanned_target import ScannedTarget
from agents.models.scim_client import ScimClient
from agents.models.secret import SecretLease, SecretReference, SecretRotation, SecretUse
from agents.models.session import Session
from agents.models.spent import SpentIdentifier
from agents.models.third_party import ThirdParty
from agents.models.ticket import Ticket, TicketNote
from agents.models.tool import Tool
from agents.models.turn import ModelTurn
from agents.models.version import AgentVersion
from agents.models.version_test import VersionTest
from agents.models.vulnerability import Vulnerability

__all__ = [
    "Agent",
    "AgentDocument",
    "AgentInstance",
    "AgentPolicy",
    "AgentVersion",
    "Allowance",
    "AnomalyRule",
    "ApiToken",
    "Assessment",
    "Credential",
    "Delegation",
    "Delivery",
    "Dependency",
    "EgressAnomaly",
    "EgressAttempt",
    "EgressException",
    "EgressPolicy",
    "Endpoint",
    "Exposure",
    "Finding",
    "FunctionCall",
    "Handover",
    "InstanceKey",
    "Lockout",
    "MailChoice",
    "ModelTurn",
    "Notification",
    "Person",
    "ProposedAction",
    "RateLimit",
    "Report",
    "Revocation",
    "Run",
    "ScannedTarget",
    "ScimClient",
    "SecretLease",
    "SecretReference",
    "SecretRotation",
    "SecretUse",
    "Session",
    "SpentIdentifier",
    "ThirdParty",
    "Ticket",
    "TicketNote",
    "TokenFailures",
    "Tool",
    "VersionTest",
    "Vulnerability",
]
