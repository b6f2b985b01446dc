"""Ending an agent for good: by a vote on exactly what ends, and never taken back."""

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from agents.choices import AgentState, DependencyKind, FreezeReason
from agents.models import (
    Agent,
    InstanceKey,
    Person,
)
from agents.services import dependencies, register
from audits.errors import Conflict, Denied
from audits.services.history_verification import problems
from governance.choices import ApprovalState, ContainmentState, VoteChoice
from governance.models import Approval, Containment
from governance.services import kills
from tests.governance.containing import WHY, ask_back, freeze, now
from tests.governance.story import (
    cast,
    events,
    without_triggers,
)
from tests.oauth.client import provisioned

pytestmark = pytest.mark.django_db


# --- Ending it for good ---------------------------------------------------------------------------------
@pytest.fixture
def child(active_analyst: Agent, olivia: Person) -> Agent:
    made = register.register_agent(
        actor=olivia,
        slug="helper",
        name="Helper",
        purpose="Was created by the analyst.",
        business_unit="Security operations",
        owner=olivia,
    )
    dependencies.add(
        actor=olivia,
        agent=active_analyst,
        kind=DependencyKind.CREATES,
        target=made,
        purpose="Splits its work.",
    )
    return made


def vote(people: list[Person], approval: Approval) -> Approval:
    for person in people:
        approval.refresh_from_db()
        if approval.state == ApprovalState.PENDING:
            cast(person, approval)
    approval.refresh_from_db()
    return approval


def test_the_board_ends_it_with_what_it_created(
    active_analyst: Agent, child: Agent, olivia: Person, sasha: Person, members: list[Person]
) -> None:
    copy = provisioned(olivia, active_analyst)
    freeze(olivia, active_analyst)
    approval = kills.request(actor=olivia, agent=active_analyst, reason=WHY)
    assert [agent.slug for agent in kills.created_by(active_analyst)] == ["helper"]
    assert '"slug":"helper"' in approval.content
    assert vote(members, approval).state == ApprovalState.APPROVED
    for agent in (now(active_analyst), now(child)):
        assert (agent.state, agent.freeze_reason) == (AgentState.RETIRED, FreezeReason.KILLED)
    copy.instance.refresh_from_db()
    assert copy.instance.ended_at is not None
    assert InstanceKey.objects.get().ends_at <= timezone.now()  # type: ignore[operator]
    assert set(Containment.objects.values_list("state", flat=True)) == {ContainmentState.KILLED}
    assert len(events("agent.killed")) == 2
    assert list(problems()) == []
    with pytest.raises(Conflict):
        ask_back(sasha, Containment.objects.filter(agent=active_analyst).get())
    for agent in (active_analyst, child):
        with pytest.raises(DatabaseError, match="does not come back"), transaction.atomic():
            Agent.objects.filter(pk=agent.pk).update(state="frozen")


def test_a_pending_vote_survives_the_freeze_and_not_another_child(
    active_analyst: Agent, olivia: Person, members: list[Person], request: pytest.FixtureRequest
) -> None:
    approval = kills.request(actor=olivia, agent=active_analyst, reason=WHY)
    with pytest.raises(Conflict):
        kills.request(actor=olivia, agent=active_analyst, reason=WHY)
    freeze(olivia, active_analyst)
    cast(members[0], approval)
    request.getfixturevalue("child")
    with pytest.raises(Conflict, match="created"):
        cast(members[1], approval)
    approval.refresh_from_db()
    assert approval.state == ApprovalState.VOIDED
    assert now(active_analyst).state == AgentState.FROZEN


def test_a_rejected_end_leaves_it_frozen(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    freeze(olivia, active_analyst)
    approval = kills.request(actor=olivia, agent=active_analyst, reason=WHY)
    for member in members:
        approval.refresh_from_db()
        if approval.state == ApprovalState.PENDING:
            cast(member, approval, VoteChoice.REJECT)
    assert now(active_analyst).state == AgentState.FROZEN


def test_nobody_asks_and_votes(active_analyst: Agent, sasha: Person) -> None:
    approval = kills.request(actor=sasha, agent=active_analyst, reason=WHY)
    with pytest.raises(Denied):
        cast(sasha, approval)


def test_an_outsider_does_not_ask(active_analyst: Agent, oscar: Person, stella: Person) -> None:
    for person in (oscar, stella):
        with pytest.raises(Denied):
            kills.request(actor=person, agent=active_analyst, reason=WHY)


def test_a_lowered_quorum_ends_nothing(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    """In the class: two are asked for all the same. In the request: its digest says otherwise."""
    active_analyst.risk_assessments.latest("assessed_at").risk_class.__class__.objects.update(
        quorum=1, seats=[], veto=False
    )
    approval = kills.request(actor=olivia, agent=active_analyst, reason=WHY)
    assert approval.rule["quorum"] == 2
    lowered = {"seats": [], "quorum": 1, "veto": False}
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(rule=lowered)
    with without_triggers():
        Approval.objects.filter(pk=approval.pk).update(rule=lowered)
    with pytest.raises(Conflict, match="altered"):
        cast(members[0], approval)
    assert now(active_analyst).state == AgentState.ACTIVE
