"""A report with findings, a running copy of the analyst, and decision points that a test scripts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone

from agents import decision_point
from agents.analyst import provenance
from agents.choices import RecordSource, ReportFormat, Severity
from agents.decision_point import Answer, Conclusion, Question
from agents.models import Agent, AgentInstance, Finding, Report, Run, Vulnerability
from agents.services import instances, revocations, runs
from audits.actor import Actor
from audits.models.base import new_id

SYSTEM = Actor.system("test")
LOG4SHELL = "CVE-2021-44228"


@dataclass
class ScriptedDecisions:
    """Answers as the test says, and remembers what was asked. Nothing is recorded as a decision."""

    allow: bool = True
    requestable: bool = False
    seconds: int = 30
    epoch: int | None = None
    ends_in: timedelta | None = None
    asked: list[Question] = field(default_factory=list)
    concluded: list[Conclusion] = field(default_factory=list)
    afterwards: Callable[[], object] = lambda: None
    obligations: tuple[str, ...] = ()

    def conclude(self, conclusion: Conclusion) -> None:
        self.concluded.append(conclusion)

    def decide(self, question: Question) -> Answer:
        self.asked.append(question)
        self.afterwards()
        return Answer(
            id=new_id(),
            allowed=self.allow,
            reason="scripted",
            message="As the test says.",
            requestable=self.requestable,
            credential_seconds=self.seconds,
            elevation_id=None,
            ends_at=timezone.now() + self.ends_in if self.ends_in is not None else None,
            epoch=revocations.current() if self.epoch is None else self.epoch,
            obligations=self.obligations,
        )


@pytest.fixture
def decisions(monkeypatch: pytest.MonkeyPatch) -> ScriptedDecisions:
    """A decision point that says yes until the test says otherwise."""
    scripted = ScriptedDecisions()
    monkeypatch.setattr(decision_point, "_registered", [scripted])
    return scripted


def make_report(name: str = "a", target: str = "registry.example.org/shop:1.4") -> Report:
    return Report.objects.create(
        format=ReportFormat.TRIVY,
        scanner="Trivy 0.50",
        target=target,
        file_name=f"{name}.json",
        sha256=name.ljust(64, "0"),
        size=1,
        ingested_by="system/test",
    )


def make_finding(report: Report, position: int = 0, **changes: object) -> Finding:
    values = {
        "vulnerability_ids": [LOG4SHELL],
        "title": "Remote code execution in Log4j",
        "description": "JNDI features do not protect against attacker controlled endpoints.",
        "severity": Severity.CRITICAL,
        "component_name": "org.apache.logging.log4j:log4j-core",
        "component_version": "2.14.1",
        "fixed_version": "2.17.1",
        "category": "vulnerability",
    }
    return Finding.objects.create(report=report, position=position, **(values | changes))


@pytest.fixture
def report(db: None) -> Report:
    return make_report()


@pytest.fixture
def finding(report: Report) -> Finding:
    return make_finding(report)


@pytest.fixture
def log4shell(db: None) -> Vulnerability:
    """NVD's record, in the local mirror."""
    return Vulnerability.objects.create(
        cve_id=LOG4SHELL,
        record={
            "id": LOG4SHELL,
            "vulnStatus": "Analyzed",
            "published": "2021-12-10T10:15:09.143",
            "lastModified": "2025-02-04T15:15:13.773",
            "cisaExploitAdd": "2021-12-10",
            "descriptions": [{"lang": "en", "value": "Apache Log4j2 JNDI features."}],
            "metrics": {
                "cvssMetricV31": [
                    {
                        "source": "nvd@nist.gov",
                        "type": "Primary",
                        "cvssData": {
                            "version": "3.1",
                            "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
                            "baseScore": 10.0,
                            "baseSeverity": "CRITICAL",
                        },
                    }
                ]
            },
            "weaknesses": [
                {
                    "source": "nvd@nist.gov",
                    "type": "Primary",
                    "description": [{"lang": "en", "value": "CWE-502"}],
                }
            ],
            "references": [{"url": "https://logging.apache.org/security.html"}],
        },
        source=RecordSource.MIRROR,
        last_modified="2025-02-04T15:15:13.773",
        fetched_at=timezone.now(),
    )


@pytest.fixture
def instance(active_analyst: Agent) -> AgentInstance:
    return instances.start(actor=SYSTEM, agent=active_analyst, running=provenance.current(), task=new_id())


@pytest.fixture
def run(active_analyst: Agent, report: Report) -> Run:
    """Queued, and not yet taken."""
    return runs.queue(actor=SYSTEM, report=report)
