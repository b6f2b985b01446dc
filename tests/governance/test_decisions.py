"""The decision point: one test for each way a question can come out."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents import decision_point
from agents.choices import Access, AgentState
from agents.models import Agent, AgentInstance, AgentVersion, Person
from agents.services import revocations
from governance import decisions, pdp
from governance.choices import DecisionReason
from governance.models import Decision, Grant, RiskClass
from governance.pdp import Facts, Verdict
from tests.governance.story import (
    TICKET,
    elevate,
    events,
    question,
    read,
    resource,
    start_instance,
    tamper,
    write,
)

GOOD = Facts(
    access="read",
    contained="",
    epoch_good=True,
    review_done=True,
    agent_active=True,
    owner_active=True,
    sponsor_active=True,
    reads_on=False,
    instance_live=True,
    version_active=True,
    dossier_unchanged=True,
    edited=False,
    function_approved=True,
    read_granted=True,
    write_elevated=False,
    budget_was_spent=False,
    in_role=True,
    unmet="",
)
WANTED = ("owner_active", "sponsor_active")
STANDING = (
    "epoch_good",
    "review_done",
    "agent_active",
    *WANTED,
    "instance_live",
    "version_active",
    "dossier_unchanged",
    "function_approved",
)
BEHALF = [None, DecisionReason.DELEGATION_MISSING, DecisionReason.DELEGATION_ENDED]
facts = st.builds(
    Facts,
    against_behalf=st.sampled_from(BEHALF),
    access=st.sampled_from(["read", "write", "execute", ""]),
    contained=st.sampled_from(["", "", "agent", "instance", "owner", "everything", "unheard-of"]),
    **{
        name: st.booleans()
        for name in (
            *STANDING,
            *("edited", "reads_on", "read_granted", "write_elevated", "budget_was_spent", "in_role"),
        )
    },
    unmet=st.sampled_from(["", "business_hours of its role data_analyst"]),
)


@given(facts)
def test_the_pipeline_allows_exactly_what_it_says(given_facts: Facts) -> None:
    as_approved = given_facts.dossier_unchanged or given_facts.edited
    reads_on = given_facts.reads_on and given_facts.access == "read"
    wanted = reads_on or all(getattr(given_facts, name) for name in WANTED)
    others = (getattr(given_facts, name) for name in STANDING if name not in {"dossier_unchanged", *WANTED})
    standing = given_facts.contained == "" and as_approved and wanted and all(others)
    read_allowed = given_facts.access == "read" and given_facts.read_granted
    by_role = given_facts.in_role and not given_facts.unmet
    write_allowed = (
        given_facts.access == "write"
        and given_facts.write_elevated
        and given_facts.dossier_unchanged
        and by_role
    )
    verdict = pdp.evaluate(given_facts)
    alone = given_facts.against_behalf is None
    assert verdict.allowed == (standing and alone and (read_allowed or write_allowed))
    assert not (verdict.allowed and verdict.requestable)


@given(facts)
def test_only_a_missing_elevation_is_requestable(given_facts: Facts) -> None:
    verdict = pdp.evaluate(given_facts)
    assert verdict.requestable == (
        verdict.reason in {DecisionReason.NO_ELEVATION, DecisionReason.BUDGET_SPENT}
    )


@pytest.mark.parametrize("name", STANDING)
def test_every_step_can_stop_it(name: str) -> None:
    assert pdp.evaluate(GOOD).allowed
    assert not pdp.evaluate(replace(GOOD, **{name: False})).allowed  # type: ignore[arg-type]
    assert not pdp.evaluate(replace(GOOD, **{name: None})).allowed  # type: ignore[arg-type]


def test_what_was_edited_since_its_approval_only_reads() -> None:
    edited = replace(GOOD, dossier_unchanged=False, edited=True)
    assert pdp.evaluate(edited).allowed
    writing = replace(edited, access="write", write_elevated=True)
    assert pdp.evaluate(writing).reason == DecisionReason.EDITED
    assert not pdp.evaluate(replace(edited, edited=None)).allowed  # type: ignore[arg-type]


@pytest.mark.parametrize("name", WANTED)
def test_without_owner_or_sponsor_it_reads_on_and_does_not_write(name: str) -> None:
    left = replace(GOOD, **{name: False}, reads_on=True)  # type: ignore[arg-type]
    assert pdp.evaluate(left).allowed
    written = pdp.evaluate(replace(left, access="write", write_elevated=True))
    assert not written.allowed
    assert not written.requestable
    assert "does not write" in written.message
    assert not pdp.evaluate(replace(left, reads_on=None)).allowed  # type: ignore[arg-type]


@pytest.fixture
def instance(active_analyst: Agent) -> AgentInstance:
    return start_instance(active_analyst)


@pytest.mark.django_db
def test_reading_is_allowed_by_a_grant(instance: AgentInstance) -> None:
    answer = read(instance)
    assert (answer.allowed, answer.reason) == (True, "allowed_by_grant")
    assert answer.credential_seconds == 300
    assert answer.elevation_id is None
    assert answer.epoch == revocations.current() > 0


@pytest.mark.django_db
def test_every_answer_is_recorded_with_what_decided(instance: AgentInstance) -> None:
    answer = read(instance)
    decision = Decision.objects.get(pk=answer.id)
    event = events("decision.made")[-1]
    assert (decision.allowed, decision.reason, decision.action) == (
        True,
        "allowed_by_grant",
        "get_vulnerability_info",
    )
    assert decision.grant == Grant.objects.get(action="get_vulnerability_info")
    assert event.stream == instance.agent.stream
    assert event.fields["evaluation"] == str(answer.id)
    assert event.fields["policy"] == decisions.POLICY
    assert event.fields["provenance"] == instance.version.digest
    assert event.fields["trace"] == str(decision.task_id)
    assert event.actor == instance.actor.ref


@pytest.mark.django_db
def test_writing_is_a_requestable_denial(instance: AgentInstance) -> None:
    answer = write(instance, resource())
    assert (answer.allowed, answer.requestable, answer.reason) == (False, True, "no_elevation")
    assert answer.credential_seconds == 0
    assert Decision.objects.get(pk=answer.id).requestable
    assert len(events("decision.made", "denied")) == 1


@pytest.mark.django_db
def test_writing_is_allowed_by_a_live_elevation(
    instance: AgentInstance, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, instance.agent, on, members[:2])
    answer = write(instance, on)
    assert (answer.allowed, answer.reason) == (True, "allowed_by_elevation")
    assert answer.elevation_id == elevation.pk
    assert answer.ends_at == elevation.ends_at
    again = write(instance, on)
    assert (again.allowed, again.reason, again.requestable) == (False, "budget_spent", True)


@pytest.mark.django_db
def test_an_elevation_covers_its_own_resource_only(
    instance: AgentInstance, olivia: Person, members: list[Person]
) -> None:
    elevate(olivia, instance.agent, resource(), members[:2])
    assert write(instance, resource()).reason == "no_elevation"


@pytest.mark.django_db
def test_an_elevation_that_is_over_allows_nothing_before_any_sweep(
    instance: AgentInstance, olivia: Person, members: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    on = resource()
    elevate(olivia, instance.agent, on, members[:2])
    later = timezone.now() + timedelta(minutes=10)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert write(instance, on).reason == "no_elevation"


@pytest.mark.django_db
@pytest.mark.parametrize("state", [state for state in AgentState if state != AgentState.ACTIVE])
def test_an_agent_that_is_not_active_may_nothing(state: AgentState, instance: AgentInstance) -> None:
    Agent.objects.filter(pk=instance.agent_id).update(state=state)
    ownerless = state == AgentState.OWNERLESS
    assert read(instance).reason == ("owner_not_active" if ownerless else "agent_not_active")


@pytest.mark.django_db
def test_a_copy_that_has_ended_may_nothing(instance: AgentInstance) -> None:
    AgentInstance.objects.filter(pk=instance.pk).update(ended_at=timezone.now())
    assert read(instance).reason == "instance_not_live"


@pytest.mark.django_db
def test_a_copy_that_does_not_exist_may_nothing(instance: AgentInstance) -> None:
    ghost = AgentInstance(agent=instance.agent, version=instance.version, spiffe_id="spiffe://ghost")
    assert read(ghost).reason == "instance_not_live"


@pytest.mark.django_db
def test_another_version_than_the_active_one_may_nothing(instance: AgentInstance) -> None:
    other = AgentVersion.objects.get(pk=instance.version_id)
    other.pk, other.label = uuid4(), "9.9.9"
    other.save(force_insert=True)
    copy = AgentInstance.objects.create(agent=instance.agent, version=other, spiffe_id="spiffe://other")
    assert read(copy).reason == "version_not_approved"


@pytest.mark.django_db
def test_a_digest_that_nobody_approved_allows_nothing(instance: AgentInstance) -> None:
    tamper(Agent.objects.filter(pk=instance.agent_id), approved_digest="0" * 64)
    assert read(instance).reason == "version_not_approved"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("action", "on", "access"),
    [
        ("delete_everything", "endpoint/nvd", Access.READ),
        ("get_vulnerability_info", "endpoint/internal", Access.READ),
        ("get_vulnerability_info", "endpoint/nvd", Access.WRITE),
        (TICKET, "finding/1", Access.READ),
        (TICKET, "finding/1/2", Access.WRITE),
    ],
)
def test_what_the_manifest_does_not_list_is_denied(
    action: str, on: str, access: Access, instance: AgentInstance
) -> None:
    answer = decision_point.decide(question(instance, action, on, access))
    assert (answer.reason, answer.requestable) == ("function_not_in_manifest", False)


@pytest.mark.django_db
def test_without_a_grant_nothing_is_read(instance: AgentInstance) -> None:
    Grant.objects.update(ends_at=timezone.now())
    assert read(instance).reason == "no_grant"


@pytest.mark.django_db
def test_a_shorter_credential_counts_at_once_and_a_longer_one_does_not(instance: AgentInstance) -> None:
    RiskClass.objects.update(credential_max_seconds=60)
    assert read(instance).credential_seconds == 60
    RiskClass.objects.update(credential_max_seconds=6000)
    assert read(instance).credential_seconds == 300


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow_with_the_grants(
    instance: AgentInstance, django_assert_max_num_queries: object
) -> None:
    approval = Grant.objects.first().approval  # type: ignore[union-attr]
    Grant.objects.bulk_create(
        Grant(agent=instance.agent, action=f"action_{number}", resource="r", access="read", approval=approval)
        for number in range(200)
    )
    revocations.number()
    with django_assert_max_num_queries(22):  # type: ignore[operator]
        assert read(instance).allowed


def test_a_verdict_denies_unless_it_says_otherwise() -> None:
    verdict = Verdict(allowed=False, reason=DecisionReason.NO_GRANT, message="")
    assert not verdict.requestable
