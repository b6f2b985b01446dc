from agents.models.agent import Agent
from agents.models.assessment import Assessment
from agents.models.call import FunctionCall
from agents.models.credential import Credential
from agents.models.document import AgentDocument
from agents.models.exposure import Exposure
from agents.models.finding import Finding
from agents.models.instance import AgentInstance
from agents.models.lockout import Lockout
from agents.models.person import Person
from agents.models.proposal import ProposedAction
from agents.models.rate import RateLimit
from agents.models.report import Report
from agents.models.run import Run
from agents.models.scanned_target import ScannedTarget
from agents.models.session import Session
from agents.models.ticket import Ticket, TicketNote
from agents.models.turn import ModelTurn
from agents.models.version import AgentVersion
from agents.models.vulnerability import Vulnerability

__all__ = [
    "Agent",
    "AgentDocument",
    "AgentInstance",
    "AgentVersion",
    "Assessment",
    "Credential",
    "Exposure",
    "Finding",
    "FunctionCall",
    "Lockout",
    "ModelTurn",
    "Person",
    "ProposedAction",
    "RateLimit",
    "Report",
    "Run",
    "ScannedTarget",
    "Session",
    "Ticket",
    "TicketNote",
    "Vulnerability",
]
