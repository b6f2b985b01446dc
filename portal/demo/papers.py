"""The documents that the evidence about the demo's agent needs (S1-20), short and true of the demo."""

from agents.choices import DocumentKind
from agents.models import Agent, AgentDocument, Person
from agents.services import documents

ARCHITECTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 150" font-family="sans-serif">
<g fill="none" stroke="#555">
<rect x="10" y="50" width="120" height="50"/><rect x="190" y="50" width="120" height="50"/>
<rect x="370" y="10" width="120" height="50"/><rect x="370" y="90" width="120" height="50"/>
<path d="M130 75h60M310 75l60-35M310 75l60 40"/></g>
<g text-anchor="middle" font-size="14"><text x="70" y="80">Report</text><text x="250" y="80">Analyst</text>
<text x="430" y="40">NVD records</text><text x="430" y="120">Tracker</text></g></svg>
"""
DATA_FLOW = """data,from,to,purpose,personal data
findings of a scanner,report,analyst,what each vulnerability means,none
public vulnerability records,NVD,analyst,severity and facts,none
assessment and ticket text,analyst,built-in tracker,somebody mends it,none
"""
POLICY = """What the vulnerability analyst may do

It reads reports and public vulnerability records. It writes nothing without a write elevation that the
board has approved for that one action, on that one resource, for at most ten minutes.
"""
TESTING = """Testing record

Before the board decided, the analyst was run on recorded reports with the planner of this version: every
finding got an assessment, every write was refused, and each refusal is in the ledger.
"""
PAPERS = (
    (DocumentKind.ARCHITECTURE, "The analyst and what it reaches", "architecture.svg", ARCHITECTURE),
    (DocumentKind.DATA_FLOW, "Which data flow where", "data-flow.csv", DATA_FLOW),
    (DocumentKind.POLICY, "What the analyst may do", "policy.txt", POLICY),
    (DocumentKind.TESTING, "How it was tested", "testing.txt", TESTING),
)


def attach(owner: Person, agent: Agent) -> int:
    """Attach those that the agent lacks; how many these are."""
    lacking = [
        paper for paper in PAPERS if not AgentDocument.objects.filter(agent=agent, kind=paper[0]).exists()
    ]
    for kind, title, file_name, text in lacking:
        documents.attach(
            actor=owner, agent=agent, kind=kind, title=title, file_name=file_name, content=text.encode()
        )
    return len(lacking)
