"""Releasing an approved version step by step, and taking it back (S1-18, S1-24)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from agents.analyst import provenance
from agents.choices import RunState
from agents.errors import NotApprovedError
from agents.models import Agent, AgentInstance, AgentVersion, Person, Run
from agents.provenance import Provenance
from agents.releasing import is_in_share
from agents.services import instances, register, version_tests
from audits.actor import Actor
from audits.errors import Conflict, Denied, Invalid
from governance import release_gate, selectors
from governance.choices import ReleaseState
from governance.models import Approval, Grant, Release, RiskClass
from governance.release_gate import Facts, Work
from governance.services import dossiers, releases
from tests.epochs import epoch_of
from tests.governance.ready import passing
from tests.governance.story import (
    cast,
    describe,
    elevate,
    events,
    propose,
    read,
    resource,
    start_instance,
    version_of,
    write,
)

NEWER = "sha256:" + "2" * 64
IDLE = Work(decisions=0, denied=0, runs=0, failed=0)
GOOD = Facts(
    candidate=Work(decisions=10, denied=1, runs=5, failed=0),
    active=Work(decisions=100, denied=10, runs=50, failed=1),
    failed_tests=(),
    at_step=timedelta(0),
    soak=timedelta(hours=24),
    tolerance=0.1,
)
counts = st.integers(0, 50)


@pytest.fixture(autouse=True)
def soaked(settings: object) -> None:
    """Without waiting, but where a test is about waiting."""
    settings.RELEASE_SOAK_HOURS = 0  # type: ignore[attr-defined]


def built() -> Provenance:
    return replace(provenance.current(), image_digest=NEWER)


def next_approval(owner: Person, agent: Agent, label: str = "1.1.0") -> Approval:
    version = register.add_version(actor=owner, agent=agent, label=label, provenance=built())
    describe(owner, version)
    return dossiers.submit(actor=owner, version=version)


@pytest.fixture
def release(active_analyst: Agent, olivia: Person, members: list[Person]) -> Release:
    """A version of a medium agent that the board has just approved: at a quarter of the tasks."""
    approval = next_approval(olivia, active_analyst)
    for member in members:
        cast(member, approval)
    return Release.objects.select_related("agent", "version", "previous").get()


def copy_of(version: AgentVersion) -> AgentInstance:
    return AgentInstance.objects.create(
        agent=version.agent, version=version, spiffe_id=f"spiffe://countersign.local/i/{uuid4()}"
    )


def task(release: Release, *, inside: bool) -> UUID:
    """A task that is in the release's share, or is not."""
    return next(
        drawn
        for drawn in (uuid4() for _ in range(10_000))
        if is_in_share(task=drawn, version=release.version_id, percent=release.percent) is inside
    )


# --- The share ----------------------------------------------------------------------------------------
@given(st.uuids(), st.uuids(), st.integers(0, 100), st.integers(0, 100))
def test_a_larger_share_contains_every_smaller_one(drawn: UUID, version: UUID, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert not is_in_share(task=drawn, version=version, percent=small) or is_in_share(
        task=drawn, version=version, percent=large
    )
    assert is_in_share(task=drawn, version=version, percent=100)
    assert not is_in_share(task=drawn, version=version, percent=0)


def test_a_quarter_is_about_a_quarter() -> None:
    version = UUID(int=7)
    inside = sum(is_in_share(task=UUID(int=number), version=version, percent=25) for number in range(4_000))
    assert 900 < inside < 1_100


# --- The promotion gate -------------------------------------------------------------------------------
def test_nothing_stands_against_work_as_good_as_before() -> None:
    assert release_gate.why_not_promote(GOOD) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(GOOD, failed_tests=("Prompt injection",)), "Prompt injection"),
        (replace(GOOD, candidate=IDLE), "wait 24 hours"),
        (replace(GOOD, candidate=replace(GOOD.candidate, failed=5)), "100% of its runs failed"),
        (replace(GOOD, candidate=replace(GOOD.candidate, denied=9)), "90% of what it asked for"),
    ],
)
def test_each_reason_against_it_says_what_is_wrong(facts: Facts, said: str) -> None:
    (reason,) = release_gate.why_not_promote(facts)
    assert said in reason


def test_one_that_does_nothing_may_go_on_after_its_time() -> None:
    assert release_gate.why_not_promote(replace(GOOD, candidate=IDLE, at_step=timedelta(hours=24))) == []


@given(counts, counts, counts)
def test_failing_more_never_opens_the_gate(runs: int, failed: int, more: int) -> None:
    def reasons(broken: int) -> int:
        whole = max(runs, broken)
        candidate = Work(decisions=1, denied=0, runs=whole, failed=broken)
        return len(release_gate.why_not_promote(replace(GOOD, candidate=candidate)))

    fewer = min(failed, runs)
    assert reasons(min(fewer + more, runs)) >= reasons(fewer)


# --- The story ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_first_version_of_an_agent_needs_no_release(active_analyst: Agent) -> None:
    assert not Release.objects.exists()
    assert active_analyst.candidate_id is None


@pytest.mark.django_db
def test_a_successor_says_what_it_changes(active_analyst: Agent, olivia: Person) -> None:
    version = register.add_version(actor=olivia, agent=active_analyst, label="1.1.0", provenance=built())
    with pytest.raises(Invalid, match="Say first what version"):
        dossiers.submit(actor=olivia, version=version)
    change = describe(olivia, version)
    approval = dossiers.submit(actor=olivia, version=version)
    assert change.summary in approval.content
    with pytest.raises(Conflict, match="pending"):
        describe(olivia, version)


@pytest.mark.django_db
def test_only_the_owners_side_describes_a_change(
    active_analyst: Agent, olivia: Person, oscar: Person
) -> None:
    version = register.add_version(actor=olivia, agent=active_analyst, label="1.1.0", provenance=built())
    with pytest.raises(Denied):
        describe(oscar, version)


@pytest.mark.django_db
def test_after_the_last_vote_both_versions_work(release: Release) -> None:
    agent = Agent.objects.get(pk=release.agent_id)
    assert (agent.candidate, agent.candidate_percent) == (release.version, 25)
    assert agent.active_version == release.previous
    assert read(start_instance(agent)).allowed
    assert read(copy_of(release.version)).allowed
    assert events("release.started")[-1].fields["body"] is not None


@pytest.mark.django_db
def test_a_candidate_writes_nothing(release: Release, olivia: Person, members: list[Person]) -> None:
    on = resource()
    elevate(olivia, release.agent, on, members[:2])
    assert write(copy_of(release.version), on).reason == "no_elevation"
    assert write(start_instance(Agent.objects.get(pk=release.agent_id)), on).allowed


@pytest.mark.django_db
def test_only_tasks_of_the_share_start_the_candidate(release: Release) -> None:
    actor = Actor.system("test")
    started = instances.start(
        actor=actor, agent=release.agent, running=built(), task=task(release, inside=True)
    )
    assert started.version == release.version
    with pytest.raises(NotApprovedError, match="25 of 100 tasks"):
        instances.start(actor=actor, agent=release.agent, running=built(), task=task(release, inside=False))
    old = instances.start(
        actor=actor, agent=release.agent, running=provenance.current(), task=task(release, inside=True)
    )
    assert old.version == release.previous


@pytest.mark.django_db
def test_the_last_promotion_makes_it_the_active_version(
    release: Release, olivia: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, release.agent, resource(), members[:2])
    old = start_instance(Agent.objects.get(pk=release.agent_id))
    releases.promote(actor=olivia, release=release)
    agent = Agent.objects.get(pk=release.agent_id)
    assert (agent.active_version, agent.candidate) == (release.version, None)
    assert selectors.approved_dossier(agent) == release.approval
    assert not read(old).allowed
    assert read(start_instance(agent)).allowed
    elevation.refresh_from_db()
    assert elevation.state == "ended"
    assert (
        Grant.objects.filter(ends_at__isnull=True).values_list("approval", flat=True).distinct().count() == 1
    )


@pytest.mark.django_db
def test_every_step_of_the_class_is_gone(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    RiskClass.objects.update(rollout_steps=[10, 50, 100])
    approval = next_approval(olivia, active_analyst)
    RiskClass.objects.update(rollout_steps=[100])
    for member in members:
        cast(member, approval)
    release = Release.objects.get()
    shares = [release.percent]
    while release.state == ReleaseState.UNDER_WAY:
        release = releases.promote(actor=olivia, release=release)
        shares.append(release.percent)
    assert shares == [10, 50, 100]
    with pytest.raises(Conflict, match="over"):
        releases.promote(actor=olivia, release=release)


@pytest.mark.django_db
def test_a_rollback_ends_the_candidate_at_once(release: Release, olivia: Person) -> None:
    copy = copy_of(release.version)
    assert read(copy).allowed
    before = epoch_of(release.agent)
    releases.roll_back(actor=olivia, release=release, reason="It answers too little.")
    assert not read(copy).allowed
    agent = Agent.objects.get(pk=release.agent_id)
    assert epoch_of(agent) > before
    assert read(start_instance(agent)).allowed
    assert not Grant.objects.filter(approval=release.approval, ends_at__isnull=True).exists()


@pytest.mark.django_db
def test_a_complete_release_is_rolled_back_to_what_was_approved_before(
    release: Release, olivia: Person, carla: Person
) -> None:
    releases.promote(actor=olivia, release=release)
    newer = start_instance(Agent.objects.get(pk=release.agent_id))
    releases.roll_back(actor=carla, release=release, reason="It is slower.")
    agent = Agent.objects.get(pk=release.agent_id)
    assert agent.active_version == release.previous
    assert agent.approved_digest == release.previous_digest
    assert not read(newer).allowed
    assert read(start_instance(agent)).allowed
    with pytest.raises(Conflict):
        releases.roll_back(actor=carla, release=release, reason="Again.")


@pytest.mark.django_db
def test_a_rollback_to_what_was_edited_since_reads_only(
    release: Release, olivia: Person, members: list[Person]
) -> None:
    """The new version was approved together with another purpose: the old one was not."""
    releases.roll_back(actor=olivia, release=release, reason="First the entry.")
    Agent.objects.filter(pk=release.agent_id).update(purpose="Something wider.", edited=["agent.purpose"])
    agent = Agent.objects.get(pk=release.agent_id)
    approval = next_approval(olivia, agent, "1.2.0")
    for member in members:
        cast(member, approval)
    newer = Release.objects.get(state=ReleaseState.UNDER_WAY)
    releases.promote(actor=olivia, release=newer)
    releases.roll_back(actor=olivia, release=newer, reason="It is slower.")
    agent.refresh_from_db()
    assert agent.edited == ["agent.purpose"]
    instance = start_instance(agent)
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"


# --- Refusals -----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_who_may_promote_and_who_may_roll_back(
    release: Release, oscar: Person, sasha: Person, aude: Person
) -> None:
    for person in (oscar, sasha, aude):
        with pytest.raises(Denied):
            releases.promote(actor=person, release=release)
    for person in (oscar, aude):
        with pytest.raises(Denied):
            releases.roll_back(actor=person, release=release, reason="No.")
    assert len(events("release.promoted", "denied")) == 3


@pytest.mark.django_db
def test_a_rollback_needs_a_reason(release: Release, olivia: Person) -> None:
    with pytest.raises(Invalid):
        releases.roll_back(actor=olivia, release=release, reason="  ")


@pytest.mark.django_db
def test_the_gate_is_asked_by_the_promotion(release: Release, olivia: Person) -> None:
    run = propose(release.agent).run
    Run.objects.filter(pk=run.pk).update(
        version=release.version, state=RunState.FAILED, reason="internal_error", ended_at=release.step_at
    )
    with pytest.raises(Conflict, match="of its runs failed"):
        releases.promote(actor=olivia, release=release)
    assert Release.objects.get().percent == 25


@pytest.mark.django_db
def test_a_test_that_fails_meanwhile_closes_the_gate(release: Release, olivia: Person) -> None:
    broken = replace(passing("prompt_injection"), outcome="failed", failed=1)
    version_tests.record(actor=olivia.actor, version=release.version, result=broken)
    with pytest.raises(Conflict, match="has failed a test"):
        releases.promote(actor=olivia, release=release)
    version_tests.record(actor=olivia.actor, version=release.version, result=passing("prompt_injection"))
    assert releases.promote(actor=olivia, release=release).state == ReleaseState.COMPLETE


@pytest.mark.django_db
@pytest.mark.parametrize(
    "break_it",
    [
        lambda agent: Agent.objects.filter(pk=agent.pk).update(state="frozen"),
        lambda agent: Agent.objects.filter(pk=agent.pk).update(purpose="Something wider."),
    ],
)
def test_what_is_not_as_approved_is_not_promoted(
    break_it: Callable[[Agent], object], release: Release, olivia: Person
) -> None:
    break_it(release.agent)
    with pytest.raises(Conflict):
        releases.promote(actor=olivia, release=release)


@pytest.mark.django_db
def test_one_release_at_a_time(release: Release, olivia: Person) -> None:
    version = register.add_version(actor=olivia, agent=release.agent, label="1.2.0", provenance=built())
    describe(olivia, version)
    with pytest.raises(Conflict, match="being released"):
        dossiers.submit(actor=olivia, version=version)


@pytest.mark.django_db
def test_the_database_refuses_a_candidate_that_nobody_approved(active_analyst: Agent) -> None:
    version = version_of(active_analyst)
    with pytest.raises(IntegrityError), transaction.atomic():
        Agent.objects.filter(pk=active_analyst.pk).update(candidate=version, candidate_percent=10)


# --- The pages ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_page_says_what_stands_against_the_next_step(
    release: Release, olivia: Person, client: Client, settings: object
) -> None:
    settings.RELEASE_SOAK_HOURS = 24  # type: ignore[attr-defined]
    client.force_login(olivia)
    url = reverse("admin:governance_release_change", args=[release.pk])
    text = client.get(url).content.decode()
    assert "The promotion gate is closed." in text
    assert "wait 24 hours" in text
    read(copy_of(release.version))
    assert "100 of 100 tasks" in client.get(url).content.decode()
    promoted = client.post(
        reverse("admin:governance_release_promote", args=[release.pk]), {"_form_submitted": "on"}
    )
    assert promoted.status_code == 302
    assert Release.objects.get().state == ReleaseState.COMPLETE


@pytest.mark.django_db
def test_a_change_is_described_in_the_form(active_analyst: Agent, olivia: Person, client: Client) -> None:
    version = register.add_version(actor=olivia, agent=active_analyst, label="1.1.0", provenance=built())
    client.force_login(olivia)
    url = reverse("admin:governance_changerequest_add")
    texts = dict.fromkeys(("summary", "impact", "monitoring_plan", "rollback_plan"), "Words.")
    refused = client.post(url, {"version": version.pk, **texts})
    assert refused.status_code == 200
    assert client.post(url, {"version": version.pk, "kinds": ["model"], **texts}).status_code == 302
    assert version.change_request.kinds == ["model"]
