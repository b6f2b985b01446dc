"""Impact assessments: written by the owner's side, signed by somebody else, never changed (S1-6)."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from audits import history
from audits.errors import Conflict, Denied, Invalid
from governance import impact_content, impact_selectors
from governance.assessment_templates import TEMPLATES
from governance.choices import AssessmentKind, AssessmentState, Discipline, MitigationState
from governance.models import ImpactAssessment, Mitigation, RiskClass
from governance.services import assessments, board
from tests.governance.papers import complete, filled, sign, signed, step
from tests.governance.story import events, tamper
from tests.signing_in import proof

pytestmark = pytest.mark.django_db
PRIVACY, SECURITY = AssessmentKind.PRIVACY, AssessmentKind.SECURITY


def test_a_draft_begins_with_what_the_register_knows(
    olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    privacy = assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)
    assert privacy.answers["processing"]["purpose"] == analyst.purpose
    assert privacy.answers["processing"]["categories"] == analyst.data_categories
    card = assessments.begin(actor=olivia, agent=analyst, kind=AssessmentKind.MODEL_CARD)
    assert card.answers["model"]["provider"] == analyst_version.model_provider
    security = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    assert {row["direction"] for row in security.answers["integrations"]["table"]} == {"reads", "writes"}
    assert (privacy.serial, privacy.state, privacy.writers) == (1, AssessmentState.DRAFT, [str(olivia.pk)])


def test_a_draft_is_saved_as_partial_as_it_is(olivia: Person, daniel: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)
    saved = assessments.write(
        actor=daniel, assessment=draft, answers={"processing": {"scale": " A lot. "}}, plan=[], revision=0
    )
    assert saved.answers == {"processing": {"scale": "A lot."}}
    assert (saved.revision, saved.written_by) == (1, daniel)
    assert set(saved.writers) == {str(olivia.pk), str(daniel.pk)}
    assert len(events("impact_assessment.written")) == 1
    assert history.rows_of(history.GOVERNED["governance.impactassessment"], saved).count() == 2


def test_who_saves_over_somebody_else_is_told(olivia: Person, daniel: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)
    assessments.write(actor=daniel, assessment=draft, answers={}, plan=[], revision=0)
    with pytest.raises(Conflict, match="Daniel Deputy has saved it meanwhile"):
        assessments.write(actor=olivia, assessment=draft, answers={}, plan=[], revision=0)


def test_one_draft_of_a_kind(olivia: Person, analyst: Agent) -> None:
    assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)
    with pytest.raises(Conflict, match="a draft of it already"):
        assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)


def test_nothing_is_assessed_about_a_retired_agent(olivia: Person, analyst: Agent) -> None:
    Agent.objects.filter(pk=analyst.pk).update(state=AgentState.RETIRED)
    with pytest.raises(Conflict, match="retired"):
        assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)


def test_there_are_four_kinds(olivia: Person, analyst: Agent) -> None:
    with pytest.raises(Invalid):
        assessments.begin(actor=olivia, agent=analyst, kind="horoscope")  # type: ignore[arg-type]


def test_others_neither_begin_nor_write(oscar: Person, sasha: Person, olivia: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    for person in (oscar, sasha):
        with pytest.raises(Denied):
            assessments.begin(actor=person, agent=analyst, kind=PRIVACY)
        with pytest.raises(Denied):
            assessments.write(actor=person, assessment=draft, answers={}, plan=[], revision=0)
    assert len(events("impact_assessment.written", "denied")) == 2


@pytest.mark.parametrize(
    ("answers", "plan", "field"),
    [
        ({"processing": {"scale": 5}}, [], "processing.scale"),
        ({"processing": {"mood": "good"}}, [], "processing.mood"),
        ({}, [{"risk": "x" * 201}], "plan"),
        ({}, [{"owner": "nobody"}], "plan"),
        ({}, [{"due": "tomorrow"}], "plan"),
        ({}, [{"colour": "red"}], "plan"),
    ],
)
def test_what_has_no_shape_is_not_saved(
    answers: dict[str, object], plan: list[dict[str, str]], field: str, olivia: Person, analyst: Agent
) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)
    with pytest.raises(Invalid) as refusal:
        assessments.write(actor=olivia, assessment=draft, answers=answers, plan=plan, revision=0)
    assert list(refusal.value.fields) == [field]


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        (PRIVACY, "carla"),
        (PRIVACY, "leo"),
        (SECURITY, "sasha"),
        (AssessmentKind.SECURITY_CHECKLIST, "sasha"),
        (AssessmentKind.MODEL_CARD, "enzo"),
        (AssessmentKind.MODEL_CARD, "petra"),
    ],
)
def test_it_is_signed_in_the_seat_that_knows(
    kind: AssessmentKind, who: str, members: list[Person], olivia: Person, analyst: Agent
) -> None:
    signer = next(member for member in members if member.username == who)
    made = signed(olivia, signer, analyst, kind)
    assert (made.state, made.signed_by) == (AssessmentState.SIGNED, signer)
    assert impact_content.is_intact(made)
    assert impact_selectors.signed_assessments(analyst) == {kind: made}
    event = events("impact_assessment.signed")[0]
    assert event.details["sha256"] == made.sha256
    assert event.details["authentication"]["amr"] == ["pwd", "otp"]
    assert Mitigation.objects.get().owner == olivia


def test_another_seat_does_not_sign(members: list[Person], olivia: Person, analyst: Agent) -> None:
    draft = filled(olivia, analyst, PRIVACY)
    with pytest.raises(Denied, match="in the seat Compliance or Legal"):
        sign(members[0], draft)
    assert len(events("impact_assessment.signed", "denied")) == 1


def test_nobody_signs_what_they_wrote(ada: Person, olivia: Person, carla: Person, analyst: Agent) -> None:
    board.end_seat(actor=ada, seat=carla.seats.get())
    board.assign_seat(actor=ada, person=ada, discipline=Discipline.COMPLIANCE)
    draft = filled(ada, analyst, PRIVACY)
    draft = assessments.write(
        actor=olivia, assessment=draft, answers=draft.answers, plan=draft.plan, revision=draft.revision
    )
    with pytest.raises(Denied, match="Nobody signs what they wrote"):
        sign(ada, draft)


def test_the_owners_side_does_not_sign(ada: Person, olivia: Person, daniel: Person, analyst: Agent) -> None:
    board.assign_seat(actor=ada, person=daniel, discipline=Discipline.SECURITY)
    with pytest.raises(Denied, match="Nobody signs for their own"):
        sign(daniel, filled(olivia, analyst, SECURITY))


def test_signing_asks_for_a_fresh_sign_in(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = filled(olivia, analyst, SECURITY)
    with pytest.raises(Denied, match="older than"):
        sign(sasha, draft, authentication=proof(sasha, minutes=10))


def test_what_is_not_complete_is_not_signed(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    with pytest.raises(Invalid) as refusal:
        sign(sasha, draft)
    assert "blast.stop" in refusal.value.fields


def test_a_plan_is_promised_whole_and_in_time(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = filled(olivia, analyst, SECURITY, plan=[step(olivia) | {"owner": ""}])
    for plan, wrong in (
        (draft.plan, "an active owner"),
        ([step(olivia, days=-1)], "overdue before it is signed"),
    ):
        draft = assessments.write(
            actor=olivia, assessment=draft, answers=draft.answers, plan=plan, revision=draft.revision
        )
        with pytest.raises(Invalid, match=wrong):
            sign(sasha, draft)


def test_what_was_edited_since_it_was_shown_is_not_signed(
    olivia: Person, sasha: Person, analyst: Agent
) -> None:
    draft = filled(olivia, analyst, SECURITY)
    digest = impact_content.digest_of(impact_content.described(draft))
    edited = complete(TEMPLATES[SECURITY])
    edited["blast"]["stop"] = "Nobody."
    assessments.write(
        actor=olivia, assessment=draft, answers=edited, plan=draft.plan, revision=draft.revision
    )
    with pytest.raises(Conflict, match="not what you were shown"):
        sign(sasha, draft, digest=digest)


def test_the_next_one_supersedes_and_carries_over(olivia: Person, sasha: Person, analyst: Agent) -> None:
    first = signed(olivia, sasha, analyst, SECURITY)
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    assert (draft.serial, draft.answers, draft.plan) == (2, first.answers, first.plan)
    second = sign(sasha, draft)
    first.refresh_from_db()
    assert first.state == AssessmentState.SUPERSEDED
    assert first.mitigations.get().state == MitigationState.LAPSED
    assert second.mitigations.get().state == MitigationState.OPEN
    assert impact_selectors.signed_assessments(analyst) == {SECURITY: second}
    assert impact_selectors.signed_before(second) == first
    assert impact_content.changes(impact_content.shown(first), impact_content.shown(second)) == []


def test_what_is_signed_is_not_written_any_more(olivia: Person, sasha: Person, analyst: Agent) -> None:
    made = signed(olivia, sasha, analyst, SECURITY)
    with pytest.raises(Conflict, match="it does not change any more"):
        assessments.write(actor=olivia, assessment=made, answers={}, plan=[], revision=made.revision)
    with pytest.raises(Conflict):
        sign(sasha, made)


@pytest.mark.parametrize("who", ["olivia", "sasha"])
def test_a_signed_one_is_withdrawn_with_a_reason(
    who: str, olivia: Person, sasha: Person, analyst: Agent
) -> None:
    made = signed(olivia, sasha, analyst, SECURITY)
    actor = olivia if who == "olivia" else sasha
    with pytest.raises(Invalid):
        assessments.withdraw(actor=actor, assessment=made, reason=" ")
    assessments.withdraw(actor=actor, assessment=made, reason="It forgot a system.")
    assert impact_selectors.signed_assessments(analyst) == {}
    assert Mitigation.objects.get().state == MitigationState.LAPSED
    with pytest.raises(Conflict, match="withdrawn already"):
        assessments.withdraw(actor=actor, assessment=made, reason="Again.")
    made.refresh_from_db()
    assert impact_content.is_intact(made)


def test_others_do_not_withdraw(olivia: Person, sasha: Person, carla: Person, analyst: Agent) -> None:
    made = signed(olivia, sasha, analyst, SECURITY)
    with pytest.raises(Denied):
        assessments.withdraw(actor=carla, assessment=made, reason="No.")
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    with pytest.raises(Denied):
        assessments.withdraw(actor=sasha, assessment=draft, reason="No.")


def test_an_owner_says_that_a_mitigation_is_done(
    olivia: Person, daniel: Person, sasha: Person, analyst: Agent
) -> None:
    mitigation = signed(olivia, sasha, analyst, SECURITY).mitigations.get()
    with pytest.raises(Denied, match="Only Olivia Owner"):
        assessments.close_mitigation(actor=daniel, mitigation=mitigation, note="Done.")
    with pytest.raises(Invalid):
        assessments.close_mitigation(actor=olivia, mitigation=mitigation, note=" ")
    done = assessments.close_mitigation(actor=olivia, mitigation=mitigation, note="A filter is in place.")
    assert (done.state, done.note) == (MitigationState.DONE, "A filter is in place.")
    with pytest.raises(Conflict, match="done already"):
        assessments.close_mitigation(actor=olivia, mitigation=mitigation, note="Done.")
    assert not impact_selectors.open_mitigations(analyst).exists()


def test_what_is_due_becomes_overdue(olivia: Person, sasha: Person, analyst: Agent) -> None:
    mitigation = signed(olivia, sasha, analyst, SECURITY).mitigations.get()
    for day, overdue in ((mitigation.due, False), (mitigation.due + timedelta(days=1), True)):
        assert mitigation.is_overdue(day) == overdue
        assert impact_selectors.overdue_mitigations(analyst, day).exists() == overdue


def test_it_is_fresh_for_as_long_as_the_class_says(olivia: Person, sasha: Person, analyst: Agent) -> None:
    made = signed(olivia, sasha, analyst, SECURITY)
    risk_class = RiskClass.objects.get(level="high")
    last: date | None = impact_selectors.fresh_until(made, risk_class)
    assert last == timezone.localdate() + timedelta(days=risk_class.assessment_max_days)
    assert not impact_selectors.stale(made, risk_class, last)
    assert impact_selectors.stale(made, risk_class, last + timedelta(days=1))
    assert impact_selectors.stale(filled(olivia, analyst, SECURITY), risk_class, timezone.localdate())


def test_altered_bytes_are_noticed(olivia: Person, sasha: Person, analyst: Agent) -> None:
    made = signed(olivia, sasha, analyst, SECURITY)
    tamper(ImpactAssessment.objects.filter(pk=made.pk), content=made.content.replace("blast", "boast"))
    made.refresh_from_db()
    assert not impact_content.is_intact(made)
