"""Nobody is refused in silence (promise 6): the attempts of people who may not, in every room."""

from collections.abc import Callable

import pytest

from agents.analyst import provenance
from agents.models import Agent, Person, Report
from agents.services import people, register, reports, runs, vulnerabilities
from audits.actor import Actor
from audits.choices import Action, BundleKind
from audits.errors import Denied
from audits.services import bundles
from governance.choices import Discipline, Gate
from governance.models import EnforcementPoint, Seat
from governance.services import board, dossiers, enforcement_points, gates, pipelines, policies, risk
from tests.conftest import ANSWERS
from tests.governance.ready import record, sign
from tests.governance.story import events, request, resource
from tests.portal import work

THIEF = Actor(kind="agent", id="spiffe://countersign.local/agent/thief/i/1", name="thief")

pytestmark = pytest.mark.django_db


def test_a_refused_attempt_is_recorded(analyst: Agent, oscar: Person, report: Report) -> None:
    """Whoever may not do it, and whatever it is: the ledger knows that it was tried."""
    version = work.version(analyst)
    risk.assess(actor=analyst.owner, agent=analyst, answers=ANSWERS)
    tried: dict[Action, Callable[[], object]] = {
        Action.RUN_QUEUED: lambda: runs.queue(actor=oscar.actor, report=report),
        Action.REPORT_INGESTED: lambda: reports.ingest(actor=THIEF, file_name="a", content=b"{}"),
        Action.VULNERABILITIES_LOADED: lambda: vulnerabilities.load(actor=oscar.actor, files=[]),
        Action.VERSION_ADDED: lambda: register.add_version(
            actor=oscar, agent=analyst, label="1", provenance=provenance.current()
        ),
        Action.PERSON_DEACTIVATED: lambda: people.deactivate(actor=oscar.actor, person=analyst.owner),
        Action.RISK_ASSESSED: lambda: risk.assess(actor=oscar, agent=analyst, answers=ANSWERS),
        Action.SEAT_ASSIGNED: lambda: board.assign_seat(
            actor=oscar, person=oscar, discipline=Discipline.LEGAL
        ),
        Action.SEAT_CHAIR_ASSIGNED: lambda: board.appoint_chair(actor=oscar, seat=Seat(person=oscar)),
        Action.AGENT_PUT_BACK: lambda: dossiers.put_back(actor=oscar, agent=analyst),
        Action.ENFORCEMENT_POINT_ADDED: lambda: enforcement_points.add(actor=oscar.actor, name="mine"),
        Action.ENFORCEMENT_POINT_DECLARED: lambda: enforcement_points.declare(
            actor=oscar.actor, point=EnforcementPoint(name="x"), mode="asks", probe_url=""
        ),
        Action.POLICY_APPLIED: lambda: policies.apply(actor=oscar.actor, policies={}, schema=""),
        Action.TEST_RECORDED: lambda: record(oscar.actor, version, "functional"),
        Action.GATE_SIGNED: lambda: sign(oscar, analyst, version, Gate.MONITORING),
        Action.GATE_ASKED: lambda: gates.ask(actor=oscar.actor, agent=analyst, version="1"),
        Action.PIPELINE_ADDED: lambda: pipelines.add(actor=oscar.actor, name="mine", agents=[analyst]),
        Action.ELEVATION_REQUESTED: lambda: request(oscar, analyst, resource()),
        Action.BUNDLE_REQUESTED: lambda: bundles.request(
            actor=oscar.actor, kind=BundleKind.AGENT, streams=[analyst.stream], subject="Analyst"
        ),
    }
    for action, attempt in tried.items():
        with pytest.raises(Denied):
            attempt()
        assert len(events(action, "denied")) == 1, action
