"""Text that somebody hostile wrote is shown as text, wherever it ends up (promise 8).

A report, a model, an owner and a voter write the same probe into every field they can reach; it then
goes through the real services, and every page and the bundle's report are read.
"""

import json
import zipfile
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, reverse

from agents.analyst import SLUG, provenance
from agents.analyst import run as analyst
from agents.choices import ProposalState, RunState
from agents.models import Agent, Person, ProposedAction, Ticket
from agents.services import proposals, register, reports, runs
from audits.choices import BundleKind
from audits.models import Bundle
from audits.services import bundles
from governance.choices import VoteChoice
from governance.services import approvals, dossiers, elevations, risk
from tests.agents.conftest import SYSTEM
from tests.agents.model_server import completion, serving
from tests.conftest import ANSWERS
from tests.governance.story import approval_of
from tests.signing_in import proof

PROBE = "'\"></textarea></script><xss-probe onload=alert(1)>{{ 7|add:7 }}"
WRITE = {"title": PROBE, "body": PROBE, "severity": "critical"}
ANSWER = {"severity": "critical", "confidence": 0.5, "reasoning": PROBE, "recommendation": PROBE}
REPORT = {
    "SchemaVersion": 2,
    "ArtifactName": PROBE,
    "Results": [
        {
            "Target": PROBE,
            "Class": "lang-pkgs",
            "Type": PROBE,
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "GHSA-" + PROBE,
                    "PkgName": PROBE,
                    "PkgPath": PROBE,
                    "InstalledVersion": PROBE,
                    "FixedVersion": PROBE,
                    "Title": PROBE,
                    "Description": PROBE,
                    "Severity": "CRITICAL",
                    "PrimaryURL": "javascript:alert(1)//" + PROBE,
                    "References": ["javascript:alert(1)"],
                    "CweIDs": [PROBE],
                }
            ],
        }
    ],
}

pytestmark = pytest.mark.django_db


def approve(members: list[Person], approval: Any) -> None:
    for member in members:
        approval.refresh_from_db()
        if approval.state == "pending":
            approvals.vote(
                actor=member,
                authentication=proof(member),
                approval=approval,
                choice=VoteChoice.APPROVE,
                digest=approval.digest,
                revision=approval.revision,
                comment=PROBE,
            )


@pytest.fixture
def hostile_agent(olivia: Person, members: list[Person]) -> Agent:
    """Its owner writes the probe, a report brings it, and a model says it; then it is approved."""
    agent = register.register_agent(
        actor=olivia,
        slug=SLUG,
        name=PROBE,
        purpose=PROBE,
        business_unit=PROBE,
        owner=olivia,
        data_categories=[PROBE],
    )
    answers = iter(
        [
            completion(PROBE, calls=[(PROBE, PROBE), ("open_ticket", json.dumps({PROBE: PROBE}))]),
            completion(calls=[("open_ticket", json.dumps(WRITE))]),
            completion(json.dumps(ANSWER)),
        ]
    )
    with serving(lambda _: next(answers)):
        version = register.add_version(
            actor=olivia, agent=agent, label="1'\"<xss-probe>", provenance=provenance.current()
        )
        risk.assess(actor=olivia, agent=agent, answers=ANSWERS)
        approve(members, dossiers.submit(actor=olivia, version=version))
        report, _ = reports.ingest(
            actor=SYSTEM, agent=agent, file_name=f"{PROBE}.json", content=json.dumps(REPORT).encode()
        )
        run = runs.queue(actor=SYSTEM, report=report)
        analyst.perform(run_id=run.pk)
        run.refresh_from_db()
        assert run.state == RunState.COMPLETED, run.detail
        elevate(olivia, members)
    return agent


def elevate(owner: Person, members: list[Person]) -> None:
    proposal = ProposedAction.objects.get()
    elevation = elevations.request(
        actor=owner,
        agent=proposal.agent,
        action=proposal.function,
        resource=proposal.resource,
        intent=PROBE,
        minutes=10,
        uses=2,
        proposal=proposal,
    )
    approve(members, approval_of(elevation))
    proposals.perform(proposal_id=proposal.pk)
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.EXECUTED
    assert Ticket.objects.get().title == PROBE


def pages() -> list[str]:
    """Every list, every row's page and every form of the portal."""
    found = [reverse("admin:index")]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(f"{reverse(f'{name}_changelist')}?q=xss")
        found += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        found += [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()]
    for name in ("waiting", "register_analyst"):
        try:
            found.append(reverse(f"admin:{name}"))
        except NoReverseMatch:
            continue
    return found


def test_no_page_runs_what_was_written(
    hostile_agent: Agent, ada: Person, olivia: Person, members: list[Person]
) -> None:
    shown = 0
    for person in (ada, olivia, members[0]):
        client = Client()
        client.force_login(person)
        for url in pages():
            response = client.get(url)
            assert response.status_code in {200, 302, 403}, url
            text = response.content.decode()
            shown += "&lt;xss-probe" in text
            assert "<xss-probe" not in text, url
            assert 'href="javascript:' not in text, url
    assert shown > 50


def test_no_bundle_runs_what_was_written(
    hostile_agent: Agent, olivia: Person, settings: LazySettings, tmp_path: Any
) -> None:
    settings.BUNDLES_DIR = tmp_path
    bundle = bundles.request(
        actor=SYSTEM, kind=BundleKind.AGENT, streams=[hostile_agent.stream], subject=PROBE
    )
    built = Bundle.objects.get(pk=bundles.build(bundle_id=bundle.pk).pk)
    with zipfile.ZipFile(built.path) as archive:
        report = archive.read("index.html").decode()
    assert "&lt;xss-probe" in report
    assert "<xss-probe" not in report
