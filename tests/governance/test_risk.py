"""The questionnaire: its arithmetic, and storing what came of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent, Person
from audits.errors import Conflict, Denied, Invalid
from governance import risk_score
from governance.choices import RiskLevel
from governance.defaults import RISK_CLASSES
from governance.models import RiskAssessment, RiskClass
from governance.risk_score import ORDER, QUESTIONS
from governance.services import risk
from tests.conftest import ANSWERS
from tests.governance.story import events, read, resource, start_instance, write

MINIMUM: dict[str, int] = {level: figures["minimum_score"] for level, figures in RISK_CLASSES.items()}
HARMLESS = {question.id: question.options[0].id for question in QUESTIONS}
ANALYST = {
    "data_sensitivity": "confidential",
    "financial_authority": "none",
    "customer_effect": "indirect",
    "autonomy": "asks",
    "external_action": "writes_inside",
    "scale": "organisation",
}
answers = st.fixed_dictionaries(
    {question.id: st.sampled_from([option.id for option in question.options]) for question in QUESTIONS}
)


def level_of(given_answers: dict[str, str]) -> RiskLevel:
    return risk_score.level(risk_score.score(given_answers), MINIMUM)


def test_six_questions_cover_what_a_class_depends_on() -> None:
    assert [question.id for question in QUESTIONS] == [
        "data_sensitivity", "financial_authority", "customer_effect", "autonomy", "external_action", "scale",
    ]  # fmt: skip
    assert level_of(HARMLESS) == RiskLevel.LOW
    assert level_of(ANALYST) == RiskLevel.MEDIUM


@pytest.mark.parametrize(
    "grave",
    [("financial_authority", "unlimited"), ("data_sensitivity", "special"), ("customer_effect", "material")],
)
def test_one_grave_answer_is_not_diluted(grave: tuple[str, str]) -> None:
    assert level_of(HARMLESS | dict([grave])) == RiskLevel.HIGH


@given(answers, st.sampled_from(QUESTIONS))
def test_a_graver_answer_never_lowers_the_class(
    given_answers: dict[str, str], question: risk_score.Question
) -> None:
    levels = [ORDER.index(level_of(given_answers | {question.id: option.id})) for option in question.options]
    assert levels == sorted(levels)


@given(answers, st.sampled_from(QUESTIONS), st.tuples(st.integers(1, 18), st.integers(1, 18)))
def test_whatever_an_administrator_sets_a_graver_answer_never_lowers_the_class(
    given_answers: dict[str, str], question: risk_score.Question, lowest: tuple[int, int]
) -> None:
    minimum = {level.value: score for level, score in zip(ORDER, (0, *sorted(lowest)), strict=True)}
    levels = [
        ORDER.index(risk_score.level(risk_score.score(given_answers | {question.id: option.id}), minimum))
        for option in question.options
    ]
    assert levels == sorted(levels)


@given(answers)
def test_the_score_is_the_sum_of_the_points(given_answers: dict[str, str]) -> None:
    points = [
        next(option.points for option in question.options if option.id == given_answers[question.id])
        for question in QUESTIONS
    ]
    assert risk_score.score(given_answers).points == sum(points)


def test_incomplete_answers_have_no_score() -> None:
    with pytest.raises(ValueError, match="not complete"):
        risk_score.score({})


@pytest.mark.django_db
def test_an_assessment_is_stored_and_recorded(olivia: Person, analyst: Agent) -> None:
    assessment = risk.assess(actor=olivia, agent=analyst, answers=ANALYST)
    assert assessment.risk_class.level == RiskLevel.MEDIUM
    assert assessment.score == 8
    event = events("risk.assessed")[-1]
    assert event.details["answers"] == ANALYST
    assert event.details["level"] == "medium"


@pytest.mark.django_db
def test_a_missing_answer_is_named(olivia: Person, analyst: Agent) -> None:
    with pytest.raises(Invalid) as refusal:
        risk.assess(actor=olivia, agent=analyst, answers={**ANALYST, "scale": ""})
    assert list(refusal.value.fields) == ["scale"]
    assert not RiskAssessment.objects.exists()


@pytest.mark.django_db
def test_an_unknown_question_or_option_is_named(olivia: Person, analyst: Agent) -> None:
    with pytest.raises(Invalid) as refusal:
        risk.assess(actor=olivia, agent=analyst, answers={**ANALYST, "scale": "galaxy", "mood": "good"})
    assert set(refusal.value.fields) == {"scale", "mood"}


@pytest.mark.django_db
def test_outsiders_do_not_assess(oscar: Person, analyst: Agent) -> None:
    with pytest.raises(Denied):
        risk.assess(actor=oscar, agent=analyst, answers=ANALYST)
    assert len(events("risk.assessed", "denied")) == 1


@pytest.mark.django_db
def test_a_class_without_a_row_is_said(olivia: Person, analyst: Agent) -> None:
    RiskClass.objects.filter(level=RiskLevel.MEDIUM).delete()
    RiskClass.objects.filter(level=RiskLevel.LOW).delete()
    with pytest.raises(Conflict, match="has no row"):
        risk.assess(actor=olivia, agent=analyst, answers=ANALYST)


@pytest.mark.django_db
def test_an_installation_has_three_classes_and_stricter_ones_ask_for_more() -> None:
    low, medium, high = RiskClass.objects.order_by("minimum_score")
    assert [low.level, medium.level, high.level] == list(RiskLevel.values)
    for milder, stricter in ((low, medium), (medium, high)):
        assert set(milder.seats) <= set(stricter.seats)
        assert milder.quorum <= stricter.quorum
        assert set(milder.elevation_seats) < set(stricter.elevation_seats)
        assert milder.elevation_quorum < stricter.elevation_quorum
        assert milder.elevation_max_minutes > stricter.elevation_max_minutes
        assert milder.credential_max_seconds > stricter.credential_max_seconds


@pytest.mark.django_db
def test_an_active_agent_that_is_assessed_anew_reads_until_the_board_approves_again(
    active_analyst: Agent, olivia: Person
) -> None:
    instance = start_instance(active_analyst)
    risk.assess(actor=olivia, agent=active_analyst, answers=ANSWERS | {"scale": "public"})
    active_analyst.refresh_from_db()
    assert active_analyst.edited == ["risk"]
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"
