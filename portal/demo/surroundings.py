"""What the demo's agent depends on: NVD, the ticket tracker, and the model's server where one is set."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from agents.choices import DependencyKind, ToolKind
from agents.models import Agent, Person, ThirdParty, Tool
from agents.models.dependency import Target
from agents.services import dependencies, third_parties, tools

YEAR = timedelta(days=365)
NVD = tools.Facts(
    name="NVD API 2.0",
    kind=ToolKind.API,
    endpoint="https://services.nvd.nist.gov/rest/json/cves/2.0",
    jurisdictions=["US"],
    data_categories=["CVE ids", "public vulnerability records"],
)
TRACKER = tools.Facts(
    name="Ticket tracker",
    kind=ToolKind.API,
    endpoint="The tracker of this portal",
    jurisdictions=["DE"],
    data_categories=["tickets"],
)


def describe(steward: Person, owner: Person, agent: Agent) -> int:
    """Enter what the register lacks; how many dependencies these are."""
    made = 0
    for target, purpose, data in _targets(steward):
        if not agent.dependencies.filter(**{dependencies.COLUMNS[type(target)]: target}).exists():
            dependencies.add(
                actor=owner,
                agent=agent,
                kind=DependencyKind.CALLS,
                target=target,
                purpose=purpose,
                data_categories=data,
            )
            made += 1
    return made


def _targets(steward: Person) -> list[tuple[Target, str, list[str]]]:
    nvd = _tool(steward, "nvd-api", replace(NVD, provider=_nist(steward)))
    tracker = _tool(steward, "ticket-tracker", TRACKER)
    found: list[tuple[Target, str, list[str]]] = [
        (nvd, "Looks each vulnerability up.", ["CVE ids"]),
        (tracker, "Opens a ticket, with a write elevation alone.", ["assessments"]),
    ]
    if settings.OPENAI_BASE_URL:
        model = tools.Facts(
            name=settings.OPENAI_MODEL,
            kind=ToolKind.MODEL,
            endpoint=urlsplit(settings.OPENAI_BASE_URL).netloc,
            jurisdictions=["ZZ"],
        )
        asked = _tool(steward, "language-model", model)
        found.append((asked, "Plans each step and writes the reasoning.", ["vulnerability reports"]))
    return found


def _nist(steward: Person) -> ThirdParty:
    found = ThirdParty.objects.filter(slug="nist").first()
    today = timezone.now().date()
    return found or third_parties.add(
        actor=steward,
        slug="nist",
        facts=third_parties.Facts(
            name="NIST",
            provides="The National Vulnerability Database: public records of known vulnerabilities.",
            jurisdictions=["US"],
            contract_reference="None: a public service, under its terms of use.",
            protections="Only CVE ids are sent. What comes back is public.",
            assessed_on=today,
            assess_again_by=today + YEAR,
        ),
    )


def _tool(steward: Person, slug: str, facts: tools.Facts) -> Tool:
    found = Tool.objects.filter(slug=slug).first()
    return found or tools.add(actor=steward, slug=slug, facts=facts)
