"""The register: agents, versions, states, people."""

import dataclasses
from datetime import date

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test import Client

from agents.analyst import provenance
from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from agents.provenance import Provenance
from agents.services import people, register
from audits import triggers
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from tests.conftest import PASSWORD
from tests.epochs import epoch_of

BOARD = Actor.system("board")
REVIEW = date(2027, 1, 1)
DIGEST = "ab" * 32

pytestmark = pytest.mark.django_db


def events(agent: Agent) -> list[str]:
    return list(Event.objects.filter(stream=agent.stream).order_by("time").values_list("action", flat=True))


def registered(owner: Person, **changes: object) -> Agent:
    values = {
        "actor": owner,
        "slug": "helper",
        "name": "Helper",
        "purpose": "Helps.",
        "business_unit": "Operations",
        "owner": owner,
    }
    return register.register_agent(**(values | changes))  # type: ignore[arg-type]


def test_an_owner_registers_an_agent_without_access(olivia: Person, daniel: Person) -> None:
    agent = registered(olivia, deputies=[daniel], data_categories=["reports"])
    assert (agent.state, epoch_of(agent), agent.active_version) == (AgentState.DRAFT, 0, None)
    assert list(agent.deputies.all()) == [daniel]
    assert events(agent) == [Action.AGENT_REGISTERED]


def test_an_administrator_registers_for_somebody_else(ada: Person, olivia: Person) -> None:
    assert registered(olivia, actor=ada).owner == olivia


def test_an_outsider_does_not_register_for_somebody_else(oscar: Person, olivia: Person) -> None:
    with pytest.raises(Denied):
        registered(olivia, actor=oscar)
    assert Event.objects.filter(action=Action.AGENT_REGISTERED, outcome="denied").count() == 1
    assert not Agent.objects.exists()


@pytest.mark.parametrize("field", ["slug", "name", "business_unit"])
def test_a_text_that_is_too_long_is_named(olivia: Person, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        registered(olivia, **{field: "a" * 201})
    assert list(refusal.value.fields) == [field]


def test_an_inactive_owner_is_refused(ada: Person, olivia: Person) -> None:
    Person.objects.filter(pk=olivia.pk).update(is_active=False)
    olivia.refresh_from_db()
    with pytest.raises(Invalid, match="not active"):
        registered(olivia, actor=ada)


def test_an_owner_is_not_their_own_deputy(olivia: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        registered(olivia, deputies=[olivia])
    assert "deputies" in refusal.value.fields


@pytest.mark.parametrize("field", ["slug", "name", "purpose", "business_unit"])
def test_a_missing_text_is_named(olivia: Person, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        registered(olivia, **{field: " "})
    assert field in refusal.value.fields


def test_a_slug_is_a_slug(olivia: Person) -> None:
    with pytest.raises(Invalid):
        registered(olivia, slug="no slug")


def test_a_slug_is_taken_once(analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Conflict):
        registered(olivia, slug=analyst.slug)


def test_a_deputy_adds_a_version(analyst: Agent, daniel: Person) -> None:
    version = register.add_version(actor=daniel, agent=analyst, label="1.0", provenance=provenance.current())
    assert version.digest == provenance.current().digest == Provenance.of(version).digest
    assert events(analyst)[-1] == Action.VERSION_ADDED


def test_an_outsiders_version_is_refused_and_the_attempt_recorded(analyst: Agent, oscar: Person) -> None:
    with pytest.raises(Denied):
        register.add_version(actor=oscar, agent=analyst, label="1.0", provenance=provenance.current())
    assert not analyst.versions.exists()
    assert Event.objects.filter(action=Action.VERSION_ADDED, outcome="denied").count() == 1


def test_a_label_is_taken_once(analyst: Agent, analyst_version: AgentVersion, olivia: Person) -> None:
    with pytest.raises(Conflict):
        register.add_version(
            actor=olivia, agent=analyst, label=analyst_version.label, provenance=provenance.current()
        )


def test_a_label_that_is_too_long_is_named(analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        register.add_version(actor=olivia, agent=analyst, label="1" * 51, provenance=provenance.current())
    assert list(refusal.value.fields) == ["label"]


def test_a_retired_agent_takes_no_version(analyst: Agent, olivia: Person) -> None:
    Agent.objects.filter(pk=analyst.pk).update(state=AgentState.RETIRED)
    with pytest.raises(Conflict):
        register.add_version(actor=olivia, agent=analyst, label="2", provenance=provenance.current())


def test_a_provenance_that_cannot_be_recorded_is_refused(analyst: Agent, olivia: Person) -> None:
    strange = dataclasses.replace(provenance.current(), tool_manifest=[{"name": "x"}])
    with pytest.raises(Invalid):
        register.add_version(actor=olivia, agent=analyst, label="2", provenance=strange)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Provenance)])
def test_every_field_of_the_provenance_counts(field: str) -> None:
    now = provenance.current()
    changed: object = "changed"
    if field == "tool_manifest":
        changed = [*now.tool_manifest[1:]]
    other = dataclasses.replace(now, **{field: changed})  # type: ignore[arg-type]
    assert other.digest != now.digest
    assert other.differences(now) == [field]


@pytest.fixture
def no_board(db: None) -> None:
    """This room alone: the database does not ask for the approval of the room above, until the test ends."""
    connection.check_constraints()
    triggers.remove(connection, {"agents_agent"})


@pytest.mark.usefixtures("no_board")
def test_review_and_activation(analyst: Agent, analyst_version: AgentVersion) -> None:
    register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)
    assert analyst.state == AgentState.IN_REVIEW
    assert analyst_version.submitted_at is not None
    register.activate(
        actor=BOARD, agent=analyst, version=analyst_version, approved_digest=DIGEST, review_date=REVIEW
    )
    assert (analyst.state, analyst.active_version, epoch_of(analyst)) == (
        AgentState.ACTIVE,
        analyst_version,
        1,
    )
    assert events(analyst)[-3:] == [
        Action.VERSION_SUBMITTED,
        Action.AGENT_STATE_CHANGED,
        Action.AGENT_STATE_CHANGED,
    ]


def test_an_agent_in_review_is_not_submitted_again(analyst: Agent, analyst_version: AgentVersion) -> None:
    register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)
    with pytest.raises(Conflict):
        register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)


def test_a_rejected_agent_returns_to_draft(analyst: Agent, analyst_version: AgentVersion) -> None:
    register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)
    register.return_to_draft(actor=BOARD, agent=analyst)
    assert analyst.state == AgentState.DRAFT


@pytest.mark.usefixtures("no_board")
def test_an_active_agent_stays_active_while_a_new_version_is_reviewed(
    analyst: Agent, analyst_version: AgentVersion, olivia: Person
) -> None:
    register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)
    register.activate(
        actor=BOARD, agent=analyst, version=analyst_version, approved_digest=DIGEST, review_date=REVIEW
    )
    newer = register.add_version(actor=olivia, agent=analyst, label="2", provenance=provenance.current())
    register.mark_in_review(actor=BOARD, agent=analyst, version=newer)
    register.return_to_draft(actor=BOARD, agent=analyst)
    assert (analyst.state, analyst.active_version) == (AgentState.ACTIVE, analyst_version)


def test_a_draft_is_neither_returned_nor_activated(analyst: Agent, analyst_version: AgentVersion) -> None:
    with pytest.raises(Conflict):
        register.return_to_draft(actor=BOARD, agent=analyst)
    with pytest.raises(Invalid):
        register.activate(
            actor=BOARD, agent=analyst, version=analyst_version, approved_digest=DIGEST, review_date=REVIEW
        )


def test_another_agents_version_is_refused(analyst_version: AgentVersion, olivia: Person) -> None:
    other = registered(olivia)
    with pytest.raises(Invalid):
        register.mark_in_review(actor=BOARD, agent=other, version=analyst_version)
    with pytest.raises(Invalid):
        register.activate(
            actor=BOARD, agent=other, version=analyst_version, approved_digest=DIGEST, review_date=REVIEW
        )


def test_only_a_digest_is_an_approved_digest(analyst: Agent, analyst_version: AgentVersion) -> None:
    register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)
    with pytest.raises(Invalid):
        register.activate(
            actor=BOARD, agent=analyst, version=analyst_version, approved_digest="yes", review_date=REVIEW
        )


def test_a_version_that_is_not_its_digest_is_not_submitted(
    analyst: Agent, analyst_version: AgentVersion
) -> None:
    AgentVersion.objects.filter(pk=analyst_version.pk).update(model_name="another")
    with pytest.raises(Invalid, match="digest"):
        register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)


@pytest.mark.parametrize(("field", "value"), [("model_name", "another"), ("submitted_at", None)])
def test_the_database_refuses_to_change_a_submitted_version(
    analyst: Agent, analyst_version: AgentVersion, field: str, value: object
) -> None:
    register.mark_in_review(actor=BOARD, agent=analyst, version=analyst_version)
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        AgentVersion.objects.filter(pk=analyst_version.pk).update(**{field: value})


def test_an_epoch_only_rises(analyst: Agent) -> None:
    for expected in (1, 2):
        register.raise_epoch(actor=BOARD, agent=analyst)
        assert epoch_of(analyst) == expected
    assert events(analyst)[-1] == Action.AGENT_EPOCH_RAISED


def added(actor: Actor, **changes: object) -> Person:
    values = {
        "actor": actor,
        "username": "nina",
        "first_name": "Nina",
        "last_name": "New",
        "email": "nina@example.org",
        "password": "a-long-unusual-phrase",
    }
    return people.add_person(**(values | changes))  # type: ignore[arg-type]


def test_an_administrator_adds_a_person(ada: Person) -> None:
    Group.objects.get_or_create(name="Owners")
    person = added(ada.actor, groups=["Owners"])
    assert person.check_password("a-long-unusual-phrase")
    assert (person.is_staff, person.is_superuser) == (True, False)
    assert [group.name for group in person.groups.all()] == ["Owners"]
    event = Event.objects.get(stream=f"person/{person.pk}")
    assert event.action == Action.PERSON_ADDED
    assert b"Nina" not in bytes(event.header)


def signs_in(client: Client, username: str) -> bool:
    client.post("/sign-in/", {"login": username, "password": PASSWORD})
    return client.get("/admin/").status_code == 200


def test_an_administrator_deactivates_and_reactivates(ada: Person, olivia: Person, analyst: Agent) -> None:
    client = Client()
    assert signs_in(client, "olivia")
    people.deactivate(actor=ada.actor, person=olivia)
    analyst.refresh_from_db()
    assert epoch_of(analyst) == 1
    assert client.get("/admin/").status_code == 302
    assert not signs_in(Client(), "olivia")
    people.reactivate(actor=ada.actor, person=olivia)
    assert signs_in(Client(), "olivia")
    told = (
        Event.objects.filter(stream=f"person/{olivia.pk}").order_by("time").values_list("action", flat=True)
    )
    person_actions = [action for action in told if action.startswith("person.")]
    assert person_actions == [Action.PERSON_ADDED, Action.PERSON_DEACTIVATED, Action.PERSON_REACTIVATED]
    assert events(analyst)[-1] == Action.AGENT_STATE_CHANGED


def test_only_administrators_say_who_signs_in(ada: Person, olivia: Person, oscar: Person) -> None:
    for verb, person in (
        (people.deactivate, olivia),
        (people.reactivate, olivia),
        (people.deactivate, oscar),
    ):
        with pytest.raises(Denied):
            verb(actor=oscar.actor, person=person)
    with pytest.raises(Denied, match="themselves"):
        people.deactivate(actor=ada.actor, person=ada)
    denied = Event.objects.filter(outcome="denied").values_list("action", flat=True)
    assert sorted(denied) == [Action.PERSON_DEACTIVATED] * 3 + [Action.PERSON_REACTIVATED]
    assert Person.objects.filter(is_active=False).count() == 0


def test_nobody_is_deactivated_twice(ada: Person, olivia: Person) -> None:
    with pytest.raises(Conflict):
        people.reactivate(actor=ada.actor, person=olivia)
    people.deactivate(actor=ada.actor, person=olivia)
    with pytest.raises(Conflict):
        people.deactivate(actor=ada.actor, person=olivia)


@pytest.mark.parametrize("password", ["short", "123456789123456789", "nina-nina"])
def test_a_weak_password_is_refused(ada: Person, password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        added(ada.actor, password=password)
    assert "password" in refusal.value.fields


def test_a_username_is_taken_once(ada: Person, olivia: Person) -> None:
    with pytest.raises(Conflict):
        added(ada.actor, username=olivia.username)


def test_a_bad_address_is_named(ada: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        added(ada.actor, email="nowhere")
    assert "email" in refusal.value.fields


def test_an_unknown_group_is_refused(ada: Person) -> None:
    with pytest.raises(Invalid, match="Nobodies"):
        added(ada.actor, groups=["Nobodies"])


def test_only_administrators_add_people(olivia: Person) -> None:
    with pytest.raises(Denied):
        added(olivia.actor)
    with pytest.raises(Denied):
        added(Actor(kind="agent", id="a", name="a"))
    assert Event.objects.filter(action=Action.PERSON_ADDED, outcome="denied").count() == 2
