"""What only a person can judge is signed by the right person, for what is there, and un-signed by an edit."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, transaction
from django.utils import timezone

from agents.analyst import provenance
from agents.choices import DocumentKind
from agents.models import Agent, AgentVersion, Person
from agents.services import register
from audits.errors import Conflict, Denied, Invalid
from governance import gate_facts
from governance.choices import Gate, GateState
from governance.gates import signing
from governance.models import GateSignature
from governance.services import gates, risk
from tests.conftest import ANSWERS
from tests.governance import ready
from tests.governance.story import events
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(olivia: Person, sasha: Person, analyst: Agent, analyst_version: AgentVersion) -> AgentVersion:
    """Of the analyst, ready for the board."""
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    ready.make_ready(analyst, analyst_version, owner=olivia, member=sasha)
    return analyst_version


def live(gate: Gate) -> GateSignature:
    return GateSignature.objects.get(gate=gate, ended_at__isnull=True)


def test_a_signature_meets_its_gate_and_is_recorded(
    analyst: Agent, version: AgentVersion, sasha: Person, olivia: Person
) -> None:
    result = ready.result_of(Gate.MONITORING, analyst, version)
    assert result.met
    signature = live(Gate.MONITORING)
    assert result.evidence[0].reference == f"gate_signature/{signature.pk}"
    assert (signature.person, signature.signed_as) == (sasha, "security")
    assert (live(Gate.POST_DEPLOYMENT).person, live(Gate.POST_DEPLOYMENT).signed_as) == (olivia, "owner")
    assert [event.object for event in events("gate.signed")] == [
        f"gate_signature/{live(gate).pk}" for gate in (Gate.MONITORING, Gate.POST_DEPLOYMENT)
    ]
    assert signature.history.count() == 1


def test_the_owners_side_does_not_vouch_for_its_own_plan(
    *, analyst: Agent, version: AgentVersion, olivia: Person, daniel: Person, ada: Person, oscar: Person
) -> None:
    for person in (olivia, daniel, ada, oscar):
        with pytest.raises(Denied):
            ready.sign(person, analyst, version, Gate.MONITORING)
    assert len(events("gate.signed", "denied")) == 4


def test_a_sponsor_with_a_seat_does_not_vouch_for_what_they_want(
    analyst: Agent, version: AgentVersion, carla: Person
) -> None:
    Agent.objects.filter(pk=analyst.pk).update(sponsor=carla)
    with pytest.raises(Denied, match="owner's side"):
        ready.sign(carla, analyst, version, Gate.MONITORING)


def test_the_board_does_not_sign_for_the_owners_side(
    analyst: Agent, version: AgentVersion, sasha: Person
) -> None:
    with pytest.raises(Denied, match="owner or a deputy"):
        ready.sign(sasha, analyst, version, Gate.POST_DEPLOYMENT)


def test_a_signature_asks_for_a_fresh_sign_in_with_a_second_factor(
    analyst: Agent, version: AgentVersion, carla: Person, settings: LazySettings
) -> None:
    settings.MFA = "required"
    facts = gate_facts.gather(analyst, version)
    for authentication in (proof(carla, minutes=10), proof(carla, "pwd"), proof(analyst.owner)):
        with pytest.raises(Denied):
            gates.sign(
                actor=carla,
                version=version,
                gate=Gate.MONITORING,
                statement="Read.",
                digest=signing.digest(Gate.MONITORING, facts),
                authentication=authentication,
            )


def test_an_edit_un_signs_and_the_old_signature_does_not_come_back(
    analyst: Agent, version: AgentVersion, olivia: Person, sasha: Person
) -> None:
    register.amend(actor=olivia, agent=analyst, changes={"monitoring_plan": "Nothing is watched."})
    result = ready.result_of(Gate.MONITORING, analyst, version)
    assert result.state == GateState.NEEDS_SIGNATURE
    assert "edited since" in result.lacks[0].sentence
    assert not result.evidence
    first = live(Gate.MONITORING)
    again = ready.sign(sasha, analyst, version, Gate.MONITORING)
    first.refresh_from_db()
    assert first.ended_at is not None
    assert live(Gate.MONITORING) == again
    assert ready.result_of(Gate.MONITORING, analyst, version).met


def test_a_steward_vouches_for_the_monitoring_plan_and_an_administrator_does_not(
    analyst: Agent, version: AgentVersion, olivia: Person, stella: Person, ada: Person
) -> None:
    """S1-2, S1-22: the board or a steward signs it; nobody does for their own."""
    register.amend(actor=olivia, agent=analyst, changes={"monitoring_plan": "Another plan."})
    with pytest.raises(Denied, match="stewards"):
        ready.sign(ada, analyst, version, Gate.MONITORING)
    with pytest.raises(Denied):
        ready.sign(stella, analyst, version, Gate.POST_DEPLOYMENT)
    assert ready.sign(stella, analyst, version, Gate.MONITORING).signed_as == "steward"
    assert ready.result_of(Gate.MONITORING, analyst, version).met
    register.amend(actor=olivia, agent=analyst, changes={"sponsor": stella, "monitoring_plan": "A third."})
    with pytest.raises(Denied, match="their own"):
        ready.sign(stella, analyst, version, Gate.MONITORING)


def test_what_was_shown_is_what_is_signed(
    analyst: Agent, version: AgentVersion, olivia: Person, carla: Person
) -> None:
    shown = signing.digest(Gate.MONITORING, gate_facts.gather(analyst, version))
    register.amend(actor=olivia, agent=analyst, changes={"monitoring_plan": "Nothing is watched."})
    with pytest.raises(Conflict, match="read it anew"):
        gates.sign(
            actor=carla,
            version=version,
            gate=Gate.MONITORING,
            statement="Read.",
            digest=shown,
            authentication=proof(carla),
        )


def test_the_same_is_not_signed_twice(analyst: Agent, version: AgentVersion, sasha: Person) -> None:
    with pytest.raises(Conflict, match="already"):
        ready.sign(sasha, analyst, version, Gate.MONITORING)


def test_another_version_is_signed_anew(analyst: Agent, version: AgentVersion, olivia: Person) -> None:
    build = replace(provenance.current(), model_version="2")
    newer = register.add_version(actor=olivia, agent=analyst, label="2", provenance=build)
    assert ready.result_of(Gate.MONITORING, analyst, newer).state == GateState.NEEDS_SIGNATURE


def test_a_signature_copied_to_another_gate_or_agent_counts_for_nothing(
    analyst: Agent, version: AgentVersion, olivia: Person
) -> None:
    """Somebody with the database's keys moves a true signature: its digest names gate, agent and version."""
    facts = gate_facts.gather(analyst, version)
    moved = facts.signatures[Gate.MONITORING]
    assert not any(signing.lacks(Gate.MONITORING, facts))
    assert any(signing.lacks(Gate.POST_DEPLOYMENT, replace(facts, signatures={Gate.POST_DEPLOYMENT: moved})))
    assert any(signing.lacks(Gate.MONITORING, replace(facts, agent="another")))
    other = replace(facts.build, digest="0" * 64)
    assert any(signing.lacks(Gate.MONITORING, replace(facts, build=other)))


def test_who_signed_and_then_became_a_deputy_does_not_count(
    analyst: Agent, version: AgentVersion, olivia: Person, daniel: Person, sasha: Person
) -> None:
    register.amend(actor=olivia, agent=analyst, changes={"deputies": [daniel, sasha]})
    assert Gate.MONITORING in ready.unmet(analyst, version)


@pytest.mark.parametrize("who", ["sasha", "carla", "ada"])
def test_a_signature_is_taken_back(
    *,
    who: str,
    analyst: Agent,
    version: AgentVersion,
    sasha: Person,
    carla: Person,
    ada: Person,
) -> None:
    person = {"sasha": sasha, "carla": carla, "ada": ada}[who]
    gates.revoke_signature(actor=person, signature=live(Gate.MONITORING), reason="I overlooked a limit.")
    assert ready.unmet(analyst, version) == {Gate.MONITORING}
    assert len(events("gate.signature_revoked")) == 1
    gone = GateSignature.objects.get(gate=Gate.MONITORING)
    with pytest.raises(Conflict):
        gates.revoke_signature(actor=person, signature=gone, reason="Again.")


def test_others_do_not_take_it_back(
    version: AgentVersion, olivia: Person, oscar: Person, sasha: Person
) -> None:
    for person in (olivia, oscar):
        with pytest.raises(Denied):
            gates.revoke_signature(actor=person, signature=live(Gate.MONITORING), reason="I do not like it.")
    with pytest.raises(Invalid):
        gates.revoke_signature(actor=sasha, signature=live(Gate.MONITORING), reason=" ")


def test_what_is_missing_in_a_signature(analyst: Agent, version: AgentVersion, carla: Person) -> None:
    def sign(gate: Gate = Gate.MONITORING, statement: str = "Read.") -> Callable[[], object]:
        return lambda: gates.sign(
            actor=carla,
            version=version,
            gate=gate,
            statement=statement,
            digest=signing.digest(Gate.MONITORING, gate_facts.gather(analyst, version)),
            authentication=proof(carla),
        )

    for wrong in (sign(statement=" "), sign(statement="x" * 4001), sign(Gate.TESTING), sign(Gate.RUNBOOKS)):
        with pytest.raises(Invalid):
            wrong()


def test_a_rehearsal_rests_on_a_document_of_the_agent(
    analyst: Agent, version: AgentVersion, olivia: Person
) -> None:
    analyst.risk_assessments.update(risk_class="high", computed="high")
    other = register.register_agent(
        actor=olivia, slug="other", name="Other", purpose="Others.", business_unit="IT", owner=olivia
    )
    theirs = ready.attach(olivia, other, DocumentKind.TESTING)
    for document in (None, theirs):
        with pytest.raises(Invalid):
            ready.sign(olivia, analyst, version, Gate.RUNBOOKS, document)
    paper = ready.attach(olivia, analyst, DocumentKind.TESTING)
    ready.sign(olivia, analyst, version, Gate.RUNBOOKS, paper)
    result = ready.result_of(Gate.RUNBOOKS, analyst, version)
    assert result.met
    assert f"document/{paper.pk}" in {item.reference for item in result.evidence}


def test_the_database_keeps_what_was_signed(version: AgentVersion, carla: Person) -> None:
    rows = GateSignature.objects.filter(gate=Gate.MONITORING)
    changes: tuple[Callable[[], object], ...] = (
        lambda: rows.update(person=carla),
        lambda: rows.update(digest="0" * 64),
        lambda: rows._raw_delete("default"),
    )
    for change in changes:
        with pytest.raises(DatabaseError, match="sign again"), transaction.atomic():
            change()
    rows.update(ended_at=timezone.now())
    with pytest.raises(DatabaseError, match="sign again"), transaction.atomic():
        rows.update(ended_at=None)
