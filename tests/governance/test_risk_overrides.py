"""Another class than the computed one, by a vote of the board alone."""

import pytest
from django.db import IntegrityError, transaction

from agents.models import Agent, Person
from audits.errors import Conflict, Denied, Invalid
from governance import contents, selectors
from governance.choices import ApprovalState, RiskLevel, VoteChoice
from governance.models import Approval, RiskAssessment, RiskClass
from governance.services import dossiers, risk, risk_overrides
from tests.conftest import ANSWERS
from tests.governance.story import cast, events, race, read, resource, start_instance, write
from tests.governance.test_risk_classes import change

pytestmark = pytest.mark.django_db
REASON = "Its reports are public."
HARMLESS = {question.id: question.options[0].id for question in risk.QUESTIONS}


@pytest.fixture
def assessed(olivia: Person, analyst: Agent) -> Agent:
    """Medium by its answers."""
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    return analyst


def ask(actor: Person, agent: Agent, level: str = "low", reason: str = REASON) -> Approval:
    return risk_overrides.request(actor=actor, agent=agent, level=RiskLevel(level), reason=reason)


def vote(members: list[Person], approval: Approval) -> Approval:
    for member in members:
        approval.refresh_from_db()
        if approval.state == ApprovalState.PENDING:
            cast(member, approval)
    approval.refresh_from_db()
    return approval


def latest(agent: Agent) -> RiskAssessment:
    found = selectors.latest_assessment(agent)
    assert found is not None
    return found


@pytest.mark.parametrize("level", ["low", "high"])
def test_the_board_lowers_and_raises(
    level: str, assessed: Agent, olivia: Person, members: list[Person]
) -> None:
    approval = vote(members, ask(olivia, assessed, level))
    assert approval.state == ApprovalState.APPROVED
    made = latest(assessed)
    assert (made.risk_class_id, made.computed, made.overridden_by) == (level, "medium", approval)
    assert made.reason == REASON
    assert events("risk.overridden")[0].details["approval"] == str(approval.pk)


def test_the_stricter_of_both_classes_decides_how(assessed: Agent, olivia: Person) -> None:
    medium, high = (RiskClass.objects.get(level=level) for level in ("medium", "high"))
    RiskClass.objects.filter(pk="medium").update(seats=["legal"], quorum=3)
    RiskClass.objects.filter(pk="high").update(seats=["security"], quorum=4)
    assert ask(olivia, assessed, "high").rule == {"quorum": 4, "seats": ["legal", "security"], "veto": True}
    assert (medium.quorum, high.quorum) == (5, 5)


def test_what_is_voted_on_is_the_exact_content(assessed: Agent, olivia: Person) -> None:
    content = contents.read(ask(olivia, assessed))
    assert content["assessment"]["answers"] == ANSWERS
    assert (content["level"], content["reason"], content["assessment"]["computed"]) == (
        "low",
        REASON,
        "medium",
    )
    assert content["excluded"] == sorted(contents.people_wanting(assessed))


@pytest.mark.parametrize(
    ("level", "reason", "field"),
    [("medium", REASON, "level"), ("low", " ", "reason"), ("low", "x" * 4001, "reason")],
)
def test_what_cannot_be_asked(level: str, reason: str, field: str, assessed: Agent, olivia: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(olivia, assessed, level, reason)
    assert list(refusal.value.fields) == [field]


def test_an_agent_without_answers_has_nothing_to_override(analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Invalid, match="Answer the questionnaire first"):
        ask(olivia, analyst)


def test_others_do_not_ask(assessed: Agent, oscar: Person, sasha: Person) -> None:
    for person in (oscar, sasha):
        with pytest.raises(Denied):
            ask(person, assessed)
    assert len(events("risk.override_requested", "denied")) == 2


def test_one_request_at_a_time(assessed: Agent, olivia: Person) -> None:
    ask(olivia, assessed)
    with pytest.raises(Conflict, match="before the board already"):
        ask(olivia, assessed, "high")


def test_a_refusal_changes_nothing(assessed: Agent, olivia: Person, sasha: Person) -> None:
    approval = ask(olivia, assessed)
    cast(sasha, approval, VoteChoice.REJECT)
    approval.refresh_from_db()
    assert approval.state == ApprovalState.REJECTED
    assert latest(assessed).risk_class_id == "medium"


def test_answering_anew_voids_the_request_and_ends_the_override(
    assessed: Agent, olivia: Person, members: list[Person]
) -> None:
    approval = ask(olivia, assessed)
    risk.assess(actor=olivia, agent=assessed, answers=ANSWERS)
    approval.refresh_from_db()
    assert approval.state == ApprovalState.VOIDED
    vote(members, ask(olivia, assessed))
    assert latest(assessed).risk_class_id == "low"
    again = risk.assess(actor=olivia, agent=assessed, answers=ANSWERS)
    assert (again.risk_class_id, again.overridden_by) == ("medium", None)


def test_a_change_of_a_class_leaves_the_override(
    assessed: Agent, olivia: Person, ada: Person, members: list[Person]
) -> None:
    approval = vote(members, ask(olivia, assessed))
    change(ada, RiskLevel.HIGH, minimum_score=latest(assessed).score)
    made = latest(assessed)
    assert (made.risk_class_id, made.computed, made.overridden_by) == ("low", "high", approval)


def test_an_override_edits_an_approved_agent_and_voids_its_submission(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    instance = start_instance(active_analyst)
    vote(members, ask(olivia, active_analyst))
    active_analyst.refresh_from_db()
    assert active_analyst.edited == ["risk"]
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"
    assert active_analyst.active_version is not None
    again = dossiers.submit(actor=olivia, version=active_analyst.active_version)
    assert len(again.rule["seats"]) == len(RiskClass.objects.get(level="low").seats)
    assert contents.read(again)["risk"]["computed"] == "medium"


def test_a_submitted_dossier_is_voided_by_an_override(
    submitted: Approval, olivia: Person, members: list[Person]
) -> None:
    vote(members, ask(olivia, submitted.agent, "high"))
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.VOIDED


def test_the_database_refuses_another_class_without_a_vote(assessed: Agent) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        RiskAssessment.objects.filter(agent=assessed).update(risk_class_id="low")


@pytest.mark.django_db(transaction=True)
def test_many_ask_at_once_and_one_request_is_made(assessed: Agent, olivia: Person, daniel: Person) -> None:
    results = race([lambda person=person: ask(person, assessed) for person in (olivia, daniel) * 4])  # type: ignore[misc]
    assert sum(isinstance(result, Approval) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 7
