"""The assessments of the demo's agent: short, true of the demo, written by its owner and signed by others."""

from datetime import timedelta

from django.utils import timezone

from agents.models import Agent, Person
from governance import impact_content, impact_selectors
from governance.answers import Answers, Step
from governance.choices import AssessmentKind, AssessmentState
from governance.models import ImpactAssessment
from governance.services import assessments
from portal.demo.people import played

PRIVACY: Answers = {
    "processing": {
        "purpose": "To say what each vulnerability in a scanner's report means, and what to do first.",
        "categories": ["Vulnerability reports: packages, versions, addresses of images"],
        "subjects": ["Nobody directly. A report can name a maintainer in the text of an advisory."],
        "scale": "Some dozen findings a day.",
    },
    "flows": {
        "table": [
            {
                "source": "Scanner's report",
                "target": "The analyst",
                "data": "Findings",
                "protection": "Uploaded over TLS, kept in the portal's database.",
            },
            {
                "source": "The analyst",
                "target": "National Vulnerability Database",
                "data": "The number of a CVE, nothing else",
                "protection": "TLS, one address, through the gateway.",
            },
        ],
        "training": "No. The planner of this version is rules, not a model that learns.",
    },
    "basis": {
        "lawful_basis": "none",
        "basis_reason": "Reports describe software. Where an advisory names somebody, that is published.",
        "necessity": "People read the same reports; the analyst sorts them sooner. It sees nothing more.",
        "decisions": "No. It decides about software, and people act on what it says.",
    },
    "recipients": {
        "recipients": [
            {
                "name": "National Institute of Standards and Technology",
                "country": "US",
                "role": "Answers questions about a CVE; public service without a contract",
                "safeguard": "No personal data is sent",
            }
        ],
        "jurisdictions": ["DE", "US"],
    },
    "retention": {
        "periods": "Reports for two years, events as the rules of retention say.",
        "information": "The register of processing names it; nobody's data is worked on.",
        "rights": "The portal finds where a person is quoted, and redacts it.",
    },
    "risks": {
        "table": [
            {
                "name": "A name in an advisory",
                "how": "An advisory quotes a maintainer, and the analyst repeats it in a ticket.",
                "harm": "A name stands in one more place than it has to.",
                "likelihood": "medium",
                "rating": "low",
            }
        ],
        "consulted": "The data protection officer.",
    },
}
SECURITY: Answers = {
    "integrations": {
        "table": [
            {
                "system": "National Vulnerability Database",
                "owner": "NIST",
                "direction": "reads",
                "data": "Records of vulnerabilities",
                "authentication": "TLS; it is public",
            },
            {
                "system": "Built-in tracker",
                "owner": "Security operations",
                "direction": "writes",
                "data": "Tickets",
                "authentication": "A credential for each call",
            },
        ],
        "untrusted": "Every report and every record: titles and descriptions are written by strangers.",
    },
    "access": {
        "identity": "As an instance of its own, with a credential of a minute for each call.",
        "least": "It reads two sources. A ticket is opened only under a write elevation for that finding.",
        "secrets": "None.",
    },
    "exfiltration": {
        "potential": "low",
        "ways": ["The text of a ticket", "The number of a CVE in a question to NVD"],
        "limits": "The gateway is its only way out, and reaches only these addresses.",
    },
    "failures": {
        "table": [
            {
                "name": "Prompt injection through a report",
                "how": "An advisory tells the analyst to open a ticket. The refused call shows it.",
                "harm": "A finding is judged wrongly.",
                "likelihood": "high",
                "rating": "high",
            },
            {
                "name": "NVD does not answer",
                "how": "An outage. Each assessment says that the lookup was not made.",
                "harm": "A finding is judged with less knowledge.",
                "likelihood": "medium",
                "rating": "medium",
            },
        ],
        "detection": "Refused calls are on the run's page at once, and in the ledger.",
    },
    "blast": {
        "reach": "Five turns and no write: wrong words on a page.",
        "isolation": "The portal executes its calls; it has no process and no network of its own.",
        "stop": "Any approver ends an elevation at once. Tickets are closed by hand.",
    },
}


def sign(owner: Person, people: dict[str, Person], agent: Agent) -> list[ImpactAssessment]:
    """Write and sign those that are not in force; what was signed now."""
    plan: list[Step] = [
        {
            "risk": "Prompt injection through a report",
            "measure": "Text of reports is data alone; every write needs an elevation by people.",
            "owner": str(owner.pk),
            "due": (timezone.localdate() + timedelta(days=60)).isoformat(),
        }
    ]
    papers: tuple[tuple[AssessmentKind, Answers, list[Step], Person], ...] = (
        (AssessmentKind.PRIVACY, PRIVACY, [], people["carla"]),
        (AssessmentKind.SECURITY, SECURITY, plan, people["sasha"]),
    )
    in_force = impact_selectors.signed_assessments(agent)
    return [
        write_and_sign(owner, agent, kind, answers, steps, signer=signer)
        for kind, answers, steps, signer in papers
        if kind not in in_force
    ]


def write_and_sign(
    owner: Person, agent: Agent, kind: AssessmentKind, answers: Answers, plan: list[Step], *, signer: Person
) -> ImpactAssessment:
    return _sign(_written(owner, agent, kind, answers, plan), signer)


def _written(
    owner: Person, agent: Agent, kind: AssessmentKind, answers: Answers, plan: list[Step]
) -> ImpactAssessment:
    open_draft = agent.impact_assessments.filter(kind=kind, state=AssessmentState.DRAFT).first()
    draft = open_draft or assessments.begin(actor=owner, agent=agent, kind=kind)
    return assessments.write(
        actor=owner, assessment=draft, answers=answers, plan=plan, revision=draft.revision
    )


def _sign(draft: ImpactAssessment, signer: Person) -> ImpactAssessment:
    return assessments.sign(
        actor=signer,
        assessment=draft,
        digest=impact_content.digest_of(impact_content.described(draft)),
        authentication=played(signer),
    )
