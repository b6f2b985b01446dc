"""Field history: what is written, to what the event commits, and what may be adopted."""

import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.evidence import AgentsEvidence
from agents.models import Agent, AgentVersion, Person
from agents.services import people
from audits import canonical, history
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.evidence import Artefact, Scope
from audits.models import Event
from audits.services import history as recording
from audits.services.history_verification import problems
from governance.evidence import GovernanceEvidence
from governance.models import RiskClass
from tests.governance.story import race

pytestmark = pytest.mark.django_db
TESTER = Actor.system("tester")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LEAVES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | WORDS
JSON = st.recursive(
    LEAVES | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("aBc é"), inner, max_size=3),
    max_leaves=5,
).filter(lambda value: "\\u0000" not in json.dumps(value))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "purpose": TEXT,
        "name": TEXT,
        "data_categories": st.lists(JSON, max_size=3),
        "deputies": st.sets(st.sampled_from(["daniel", "oscar"])),
    },
)


def rows(instance: Any) -> list[Any]:
    """The history of a row, the oldest first."""
    return list(history.rows_of(history.of(instance), instance))[::-1]


def change(agent: Agent, values: dict[str, Any]) -> Event:
    """As a service does: change, then record, in one transaction."""
    with transaction.atomic():
        if "deputies" in values:
            agent.deputies.set(Person.objects.filter(username__in=values.pop("deputies")))
        if values:
            Agent.objects.filter(pk=agent.pk).update(**values)
        return recording.record(
            changed=[agent],
            stream=agent.stream,
            action=Action.AGENT_STATE_CHANGED,
            actor=TESTER,
            object=f"agent/{agent.pk}",
            body={"why": "it was tried"},
        )


def test_history_and_its_digests_equal_any_sequence_of_changes(
    analyst: Agent, daniel: Person, oscar: Person
) -> None:
    governed = history.of(analyst)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(CHANGES, max_size=4))
    def live(changes: list[dict[str, Any]]) -> None:
        before = len(rows(analyst))
        for number, values in enumerate(changes, start=before + 1):
            event = change(analyst, values)
            newest = rows(analyst)[-1]
            now = Agent.objects.get(pk=analyst.pk)
            assert governed.values_of(newest) == governed.values_of(now)
            assert newest.related == {"deputies": sorted(str(person.pk) for person in now.deputies.all())}
            assert (newest.number, newest.event_id, newest.history_date) == (number, event.pk, event.time)
            (committed,) = event.details["history"]
            record = canonical.dumps(governed.record_of(newest))
            assert committed == {
                "model": "agents.agent",
                "id": str(analyst.pk),
                "digest": hashlib.sha256(record).hexdigest(),
            }

    live()
    assert list(problems()) == []


def test_what_the_instance_says_does_not_matter(analyst: Agent) -> None:
    """The row as it stands in the database is kept: a stale or tampered instance changes nothing."""
    analyst.name = "Never saved"
    before = analyst.runbook
    change(analyst, {"runbook": "7"})
    assert [(row.name, row.runbook) for row in rows(analyst)] == [
        ("Vulnerability analyst", before),
        ("Vulnerability analyst", "7"),
    ]


def test_the_first_row_is_an_addition_and_the_others_are_changes(active_analyst: Agent) -> None:
    kept = rows(active_analyst)
    assert [row.history_type for row in kept] == ["+"] + ["~"] * (len(kept) - 1)
    assert [row.number for row in kept] == list(range(1, len(kept) + 1))


def test_no_history_without_the_change(analyst: Agent) -> None:
    before = len(rows(analyst))
    with transaction.atomic():
        change(analyst, {"runbook": "7"})
        transaction.set_rollback(True)
    assert len(rows(analyst)) == before
    assert list(problems()) == []


def test_saving_writes_no_history_of_itself(analyst: Agent) -> None:
    """One way to write: the library's own signals are silent."""
    before = len(rows(analyst))
    analyst.save()
    analyst.deputies.clear()
    assert len(rows(analyst)) == before


def test_several_rows_of_several_models_in_one_event(analyst: Agent, analyst_version: AgentVersion) -> None:
    with transaction.atomic():
        event = recording.record(
            changed=[analyst_version, analyst, analyst_version],
            stream=analyst.stream,
            action=Action.AGENT_STATE_CHANGED,
            actor=TESTER,
            object=f"agent/{analyst.pk}",
        )
    assert [entry["model"] for entry in event.details["history"]] == ["agents.agentversion", "agents.agent"]
    assert list(problems()) == []


def test_an_event_whose_payload_nobody_searches_takes_no_history(analyst: Agent) -> None:
    with pytest.raises(ValueError, match=r"run.queued changes no governed row"), transaction.atomic():
        recording.record(
            changed=[analyst],
            stream=analyst.stream,
            action=Action.RUN_QUEUED,
            actor=TESTER,
            object=f"agent/{analyst.pk}",
        )


def test_the_history_of_people_has_no_secret_and_no_sign_in() -> None:
    names = {field.name for field in Person.history.model._meta.concrete_fields}
    assert not names & {"password", "last_login"}
    assert {"is_superuser", "is_active", "email"} <= names


# --- Adopting ----------------------------------------------------------------------------------------------
def test_adopting_is_for_administrators_and_the_attempt_is_recorded(olivia: Person) -> None:
    with pytest.raises(Denied, match="Olivia Owner may not adopt"):
        recording.adopt(actor=olivia.actor, model="governance.riskclass", key="high", reason="I say so.")
    assert Event.objects.filter(action="history.adopted", outcome="denied").count() == 1


@pytest.mark.parametrize(
    ("model", "key", "reason", "wrong"),
    [
        ("governance.riskclass", "high", "  ", "Say why"),
        ("governance.vote", "high", "So.", "has no history. These have: agents.agent"),
        ("governance.riskclass", "highest", "So.", "There is no governance.riskclass 'highest'"),
        ("agents.agent", "not-an-id", "So.", "There is no agents.agent 'not-an-id'"),
    ],
)
def test_what_cannot_be_adopted(ada: Person, model: str, key: str, reason: str, wrong: str) -> None:
    with pytest.raises(Invalid, match=wrong):
        recording.adopt(actor=ada.actor, model=model, key=key, reason=reason)


def test_what_is_as_its_history_says_is_not_adopted(ada: Person, analyst: Agent) -> None:
    with pytest.raises(Conflict, match="is as its history says"):
        recording.adopt(actor=ada.actor, model="agents.agent", key=str(analyst.pk), reason="So.")


def test_a_person_made_with_a_command_of_django_is_adopted() -> None:
    person = Person.objects.create_superuser("root", "root@example.org", "a-long-enough-password")
    assert [problem.place for problem in problems()] == [f"agents.person/{person.pk}"]
    call_command("ledger", "adopt", f"agents.person/{person.pk}", reason="Made with createsuperuser.")
    assert list(problems()) == []
    event = Event.objects.get(action="history.adopted")
    assert (event.stream, event.object) == (f"person/{person.pk}", f"person/{person.pk}")


# --- In bundles --------------------------------------------------------------------------------------------
def collected(scope: Scope) -> dict[str, Any]:
    artefacts = [*AgentsEvidence().collect(scope), *GovernanceEvidence().collect(scope)]
    return {
        artefact.path: json.loads(artefact.content)
        for artefact in artefacts
        if isinstance(artefact, Artefact) and artefact.path.startswith("history/")
    }


def test_a_bundle_of_an_agent_has_the_history_of_what_governs_it(active_analyst: Agent) -> None:
    files = collected(Scope(active_analyst.stream))
    assert {path.split("/")[1] for path in files} == {
        "agents.agent",
        "agents.agentversion",
        "governance.approval",
        "governance.grant",
    }
    for path, file in files.items():
        assert path == f"history/{file['model']}/{file['id']}.json"
        for row in file["rows"]:
            assert canonical.digest(row["record"]) == row["digest"]
            committed = Event.objects.get(pk=UUID(row["event"])).details["history"]
            assert row["digest"] in [entry["digest"] for entry in committed]
    states = [
        row["record"]["fields"]["state"]
        for row in files[f"history/agents.agent/{active_analyst.pk}.json"]["rows"]
    ]
    assert states == ["draft", "in_review", "active"]


def test_a_bundle_of_a_person_has_their_history(oscar: Person) -> None:
    people.deactivate(actor=TESTER, person=oscar)
    files = collected(Scope(f"person/{oscar.pk}"))
    (file,) = files.values()
    assert [row["record"]["fields"]["is_active"] for row in file["rows"]] == [True, False]


def test_history_in_a_bundle_ends_with_its_period(analyst: Agent) -> None:
    until = rows(analyst)[-1].history_date
    change(analyst, {"runbook": "Another."})
    later = rows(analyst)[-1].history_date
    path = f"history/agents.agent/{analyst.pk}.json"
    assert path not in collected(Scope(analyst.stream, until=until))
    assert len(collected(Scope(analyst.stream, until=later))[path]["rows"]) == 1


def test_shipped_rows_need_no_history() -> None:
    assert RiskClass.objects.count() == 3
    assert list(problems()) == []


@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_moment_are_numbered_one_after_the_other(analyst: Agent) -> None:
    def rise() -> None:
        change(Agent.objects.get(pk=analyst.pk), {"runbook": Concat(F("runbook"), Value("+"))})

    assert race([rise] * 8) == [None] * 8
    assert [(row.number, row.runbook.count("+")) for row in rows(analyst)] == [
        (number + 1, number) for number in range(9)
    ]
    assert list(problems()) == []
