"""Nobody passes the deployment checklist with evidence that is not there (promises 4 and 6, S1-27)."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents.analyst import provenance
from agents.models import Agent, AgentVersion, Person, VersionTest
from agents.services import register
from audits.errors import Conflict, Denied, Invalid
from governance.choices import Gate
from governance.models import Approval, GateSignature
from governance.services import dossiers, gates, risk
from tests.ci.asking import Asker, run_of
from tests.conftest import ANSWERS
from tests.governance import ready
from tests.governance.story import cast, tamper

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(olivia: Person, sasha: Person, analyst: Agent, analyst_version: AgentVersion) -> AgentVersion:
    """Ready for the board."""
    ready.demand_gates()
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    ready.make_ready(analyst, analyst_version, owner=olivia, member=sasha)
    return analyst_version


def copy(row: Any, **changed: Any) -> None:
    """A row that somebody with the database's password inserts beside the product."""
    columns = {field.attname: getattr(row, field.attname) for field in row._meta.fields} | changed
    type(row).objects.bulk_create([type(row)(**columns)])


def test_a_test_record_that_the_ledger_does_not_tell_of_counts_for_nothing(
    olivia: Person, version: AgentVersion
) -> None:
    ready.record(olivia.actor, version, "functional", outcome="failed", failed=1)
    before = VersionTest.objects.get(kind="functional", outcome="passed")
    copy(before, id=uuid4(), run_id="forged", recorded_at=timezone.now())
    assert ready.unmet(version.agent, version) == {Gate.TESTING}


def test_a_record_of_another_version_is_moved_to_this_one_in_vain(
    olivia: Person, version: AgentVersion
) -> None:
    build = replace(provenance.current(), model_version="2")
    newer = register.add_version(actor=olivia, agent=version.agent, label="2", provenance=build)
    rows = VersionTest.objects.filter(version=version)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(version=newer)
    tamper(rows, version=newer)  # somebody takes the triggers off: the digest is still another one
    assert Gate.TESTING in ready.unmet(version.agent, newer)


def test_a_signature_that_nobody_gave_counts_for_nothing(version: AgentVersion, olivia: Person) -> None:
    signature = GateSignature.objects.get(gate=Gate.MONITORING)
    gates.revoke_signature(actor=signature.person, signature=signature, reason="It is not enough.")
    signature.refresh_from_db()
    copy(signature, id=uuid4(), ended_at=None, ended_by="", end_reason="")
    assert ready.unmet(version.agent, version) == {Gate.MONITORING}


def test_a_signature_is_not_replaced_by_raw_sql(version: AgentVersion, olivia: Person) -> None:
    statement = "UPDATE governance_gatesignature SET person_id = %s"
    key = olivia.pk if connection.vendor == "postgresql" else olivia.pk.hex
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [key])


def test_the_owner_signs_nothing_for_the_board(version: AgentVersion, olivia: Person, daniel: Person) -> None:
    for person in (olivia, daniel):
        with pytest.raises(Denied):
            ready.sign(person, version.agent, version, Gate.MONITORING)


def test_a_signature_is_not_used_again_after_an_edit_and_back(version: AgentVersion, olivia: Person) -> None:
    """Whoever edits the plan for the vote and back for the deployment is found out by the dossier."""
    agent = version.agent
    register.amend(actor=olivia, agent=agent, changes={"monitoring_plan": "Nothing is watched."})
    with pytest.raises(Invalid, match="monitoring"):
        dossiers.submit(actor=olivia, version=version)
    assert not Approval.objects.exists()


def test_what_fell_while_the_board_decided_is_not_approved(
    version: AgentVersion, olivia: Person, members: list[Person]
) -> None:
    approval = dossiers.submit(actor=olivia, version=version)
    for member in members[:-1]:
        cast(member, approval)
    ready.record(olivia.actor, version, "prompt_injection", outcome="failed", failed=1)
    with pytest.raises(Conflict, match="not met any more"):
        cast(members[-1], approval)
    version.agent.refresh_from_db()
    assert version.agent.approved_digest == ""


def test_a_pipeline_does_not_vouch_for_an_agent_that_it_does_not_work_for(
    version: AgentVersion, olivia: Person
) -> None:
    other = register.register_agent(
        actor=olivia, slug="other", name="Other", purpose="Others.", business_unit="IT", owner=olivia
    )
    assert Asker(other).post("/api/v1/tests", run_of(version)).status_code == 404
