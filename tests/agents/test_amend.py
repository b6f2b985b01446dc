"""Amending an entry (promise 4), and agents that were found and not registered (S4-2)."""

from typing import Any

import pytest

from agents import entry
from agents.choices import AgentState
from agents.erasure import PersonErasure
from agents.models import Agent, Person
from agents.services import agent_policies, discovery, register
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from governance import selectors
from governance.models import Approval
from portal import standing

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
VALUES: dict[str, Any] = {
    "name": "Analyst",
    "purpose": "It reads reports.",
    "business_unit": "Sales",
    "problem_class": "security-analysis",
    "environment": "test",
    "autonomy": "advises",
    "runbook": "Stop it.",
    "monitoring_plan": "Look at it.",
    "data_categories": ["logs"],
    "jurisdictions": ["DE", "US"],
    "frameworks": ["GDPR", "SOX"],
}


@pytest.mark.parametrize("field", VALUES)
def test_every_field_is_amended_with_what_it_was(analyst: Agent, daniel: Person, field: str) -> None:
    before = getattr(analyst, field)
    register.amend(actor=daniel, agent=analyst, changes={field: VALUES[field]})
    analyst.refresh_from_db()
    assert getattr(analyst, field) == VALUES[field]
    newest, older = analyst.history.order_by("-number")[:2]
    assert (getattr(older, field), getattr(newest, field)) == (before, VALUES[field])
    assert newest.event == Event.objects.get(action=Action.AGENT_AMENDED)
    assert analyst.edited == []  # nothing was approved yet


def test_people_are_amended_too(analyst: Agent, olivia: Person, ada: Person, aude: Person) -> None:
    register.amend(actor=olivia, agent=analyst, changes={"deputies": [ada], "sponsor": aude})
    assert list(analyst.deputies.all()) == [ada]
    assert analyst.sponsor == aude
    register.amend(actor=olivia, agent=analyst, changes={"deputies": [], "sponsor": None})
    assert not analyst.deputies.exists()
    assert Agent.objects.filter(pk=analyst.pk, sponsor=None).exists()


@pytest.mark.parametrize("field", [*VALUES, "deputies", "sponsor"])
def test_whatever_is_edited_leaves_an_approved_agent_reading_only(
    active_analyst: Agent, olivia: Person, ada: Person, field: str
) -> None:
    people: dict[str, Any] = {"deputies": [ada], "sponsor": ada}
    register.amend(actor=olivia, agent=active_analyst, changes={field: (VALUES | people)[field]})
    assert active_analyst.edited == [entry.part_of(field)]
    assert selectors.approved_dossier(active_analyst) is None
    assert selectors.edited_dossier(active_analyst) is not None
    now = standing.of(active_analyst)
    assert now.sentence.startswith("It reads only")
    assert now.edited == (field.replace("_", " "),)


def test_a_sponsor_is_not_erased_while_the_dossier_names_them(
    analyst: Agent, olivia: Person, aude: Person
) -> None:
    subject = f"person/{aude.pk}"
    assert PersonErasure().objection(subject) is None
    register.amend(actor=olivia, agent=analyst, changes={"sponsor": aude})
    assert analyst.slug in str(PersonErasure().objection(subject))


def test_an_edit_voids_what_is_before_the_board(submitted: Approval, olivia: Person) -> None:
    register.amend(actor=olivia, agent=submitted.agent, changes={"purpose": "Something else."})
    submitted.refresh_from_db()
    assert submitted.state == "voided"
    assert submitted.agent.state == AgentState.DRAFT


def test_outsiders_and_the_board_amend_nothing(analyst: Agent, oscar: Person, sasha: Person) -> None:
    for person in (oscar, sasha):
        with pytest.raises(Denied):
            register.amend(actor=person, agent=analyst, changes={"purpose": "Mine."})
    assert Event.objects.filter(action=Action.AGENT_AMENDED, outcome="denied").count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose": " "}, "purpose"),
        ({"name": "x" * 201}, "name"),
        ({"runbook": "x" * 20_001}, "runbook"),
        ({"purpose": "a\0b"}, "purpose"),
        ({"environment": "moon"}, "environment"),
        ({"autonomy": "free"}, "autonomy"),
        ({"jurisdictions": ["DE", "ZZ"]}, "jurisdictions"),
        ({"jurisdictions": "DE"}, "jurisdictions"),
        ({"frameworks": ["FOO"]}, "frameworks"),
        ({"data_categories": ["x" * 101]}, "data_categories"),
        ({"data_categories": [str(one) for one in range(101)]}, "data_categories"),
        ({"problem_class": "astrology"}, "problem_class"),
        ({"autonomy": "alone"}, "autonomy"),
        ({"slug": "other"}, "slug"),
        ({"owner": None}, "owner"),
    ],
)
def test_what_does_not_hold_is_named(
    analyst: Agent, olivia: Person, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        register.amend(actor=olivia, agent=analyst, changes=changes)
    assert list(refusal.value.fields) == [field]
    assert not Event.objects.filter(action=Action.AGENT_AMENDED).exists()


def test_who_is_not_active_is_not_named(analyst: Agent, olivia: Person, daniel: Person, aude: Person) -> None:
    Person.objects.filter(pk__in=(daniel.pk, aude.pk)).update(is_active=False)
    gone = Person.objects.get(pk=aude.pk)
    for changes in ({"deputies": [gone]}, {"deputies": [olivia]}, {"sponsor": gone}):
        with pytest.raises(Invalid):
            register.amend(actor=olivia, agent=analyst, changes=changes)
    # Whoever was a deputy before stands in nobody's way.
    register.amend(actor=olivia, agent=analyst, changes={"purpose": "Something else."})


def test_nothing_is_amended_by_what_is_there_already(analyst: Agent, olivia: Person, daniel: Person) -> None:
    same = {"purpose": f" {analyst.purpose}\r\n", "deputies": [daniel], "jurisdictions": []}
    with pytest.raises(Invalid, match="Nothing differs"):
        register.amend(actor=olivia, agent=analyst, changes=same)


def test_a_stale_edit_is_refused(analyst: Agent, olivia: Person, daniel: Person) -> None:
    seen = entry.digest_of(analyst)
    register.amend(actor=daniel, agent=analyst, changes={"runbook": "Stop it."}, seen=seen)
    with pytest.raises(Conflict, match="Somebody changed"):
        register.amend(actor=olivia, agent=analyst, changes={"purpose": "Mine."}, seen=seen)
    assert Event.objects.filter(action=Action.AGENT_AMENDED, outcome="failed").count() == 1


def test_a_retired_entry_stays_as_it_was(analyst: Agent, olivia: Person) -> None:
    Agent.objects.filter(pk=analyst.pk).update(state=AgentState.RETIRED)
    with pytest.raises(Conflict, match="retired"):
        register.amend(actor=olivia, agent=analyst, changes={"purpose": "Mine."})


def test_a_later_policy_does_not_stop_amending_what_it_leaves_outside(analyst: Agent, olivia: Person) -> None:
    """What was outside already is shown; what would go outside now is refused."""
    narrow = """
business_units: [Sales]
problem_classes:
- slug: general
  name: General
  description: Anything.
  highest_autonomy: asks
  supervision: A person looks.
  unattended: none
"""
    agent_policies.apply(actor=SYSTEM, text=narrow, reason="Sales alone.")
    register.amend(actor=olivia, agent=analyst, changes={"runbook": "Stop it."})
    with pytest.raises(Invalid) as refusal:
        register.amend(actor=olivia, agent=analyst, changes={"autonomy": "alone"})
    assert list(refusal.value.fields) == ["autonomy"]


# --- Discovered -------------------------------------------------------------------------------------
@pytest.fixture
def found(olivia: Person) -> Agent:
    return discovery.discover(
        actor=olivia, slug="shadow", name="Shadow", found_by="cloud bill", evidence="A key in eu-west-1."
    )


def test_what_was_found_has_somebody_who_answers_and_no_access(found: Agent, olivia: Person) -> None:
    assert (found.state, found.owner) == (AgentState.DISCOVERED, olivia)
    assert Event.objects.filter(stream=found.stream, action=Action.AGENT_DISCOVERED).count() == 1
    assert "nobody has claimed it" in standing.of(found).sentence
    with pytest.raises(Conflict, match="claim it first"):
        register.amend(actor=olivia, agent=found, changes={"purpose": "Mine."})


def test_whoever_claims_it_answers_for_it(found: Agent, daniel: Person) -> None:
    discovery.claim(actor=daniel, agent=found, owner=daniel, purpose="Sends mail.", business_unit="Sales")
    found.refresh_from_db()
    assert (found.state, found.owner, found.purpose) == (AgentState.DRAFT, daniel, "Sends mail.")
    with pytest.raises(Conflict, match="nothing to claim"):
        discovery.claim(actor=daniel, agent=found, owner=daniel, purpose="Mine.", business_unit="Sales")


def test_nobody_is_made_to_answer_by_others(found: Agent, olivia: Person, daniel: Person) -> None:
    with pytest.raises(Denied):
        discovery.claim(actor=olivia, agent=found, owner=daniel, purpose="His.", business_unit="Sales")
    with pytest.raises(Invalid, match="purpose"):
        discovery.claim(actor=daniel, agent=found, owner=daniel, purpose=" ", business_unit="Sales")
    assert Event.objects.filter(action=Action.AGENT_CLAIMED, outcome="denied").count() == 1


@pytest.mark.parametrize("field", ["name", "found_by", "evidence", "slug"])
def test_a_finding_says_what_and_where(olivia: Person, field: str) -> None:
    said = {"slug": "shadow", "name": "Shadow", "found_by": "bill", "evidence": "A key."} | {field: " "}
    with pytest.raises(Invalid) as refusal:
        discovery.discover(actor=olivia, **said)
    assert field in refusal.value.fields


def test_a_slug_is_found_once_and_by_the_living(found: Agent, olivia: Person) -> None:
    said = {"slug": "shadow", "name": "Shadow", "found_by": "bill", "evidence": "A key."}
    with pytest.raises(Conflict):
        discovery.discover(actor=olivia, **said)
    olivia.is_active = False
    with pytest.raises(Denied):
        discovery.discover(actor=olivia, **said)
