"""Third parties, tools and agents to depend on, entered as people enter them."""

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from agents.choices import DependencyKind, ToolKind
from agents.models import Agent, Dependency, Person, ThirdParty, Tool
from agents.models.dependency import Target
from agents.services import dependencies, register, third_parties, tools

PURPOSE = "Looks vulnerabilities up."


def today() -> date:
    return timezone.now().date()


def facts(**changes: object) -> third_parties.Facts:
    given: dict[str, object] = {
        "name": "NIST",
        "provides": "Public vulnerability records.",
        "jurisdictions": ["US"],
        "assess_again_by": today() + timedelta(days=30),
    }
    return third_parties.Facts(**(given | changes))  # type: ignore[arg-type]


def third_party(steward: Person, slug: str = "nist", **changes: Any) -> ThirdParty:
    return third_parties.add(actor=steward, slug=slug, facts=facts(**changes))


def tool_facts(**changes: object) -> tools.Facts:
    given: dict[str, object] = {
        "name": "NVD API",
        "kind": ToolKind.API,
        "endpoint": "https://nvd.example.org",
        "jurisdictions": ["US"],
    }
    return tools.Facts(**(given | changes))  # type: ignore[arg-type]


def tool(steward: Person, slug: str = "nvd-api", **changes: Any) -> Tool:
    return tools.add(actor=steward, slug=slug, facts=tool_facts(**changes))


def agent(owner: Person, slug: str) -> Agent:
    return register.register_agent(
        actor=owner, slug=slug, name=slug.title(), purpose="Helps.", business_unit="Security", owner=owner
    )


def depend(
    actor: Person, of: Agent, target: Target, kind: DependencyKind = DependencyKind.CALLS
) -> Dependency:
    return dependencies.add(
        actor=actor, agent=of, kind=kind, target=target, purpose=PURPOSE, data_categories=["CVE ids"]
    )
