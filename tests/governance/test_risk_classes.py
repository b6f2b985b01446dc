"""Changing what a class demands: shown first, saved as shown, every affected agent evaluated anew."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent, Person
from audits.errors import Conflict, Denied, Invalid
from governance import risk_classes as rules
from governance import risk_selectors, selectors
from governance.choices import ApprovalState, AssessmentKind, RiskLevel
from governance.defaults import RISK_CLASSES
from governance.models import Approval, RiskAssessment, RiskClass
from governance.risk_selectors import ClassChange
from governance.services import risk, risk_classes
from tests.conftest import ANSWERS
from tests.governance.papers import signed
from tests.governance.story import cast, events, read, resource, start_instance, write
from tests.signing_in import proof

pytestmark = pytest.mark.django_db
LOW, MEDIUM, HIGH = RiskLevel


def figures(level: RiskLevel = MEDIUM, **other: Any) -> dict[str, Any]:
    return risk_selectors.figures_of(RiskClass.objects.get(level=level)) | other


def preview(actor: Person, level: RiskLevel = MEDIUM, **other: Any) -> ClassChange:
    return risk_classes.preview(actor=actor, level=level, figures=figures(level, **other))


def change(actor: Person, level: RiskLevel = MEDIUM, digest: str = "", **other: Any) -> ClassChange:
    digest = digest or preview(actor, level, **other).digest
    return risk_classes.change(
        actor=actor,
        level=level,
        figures=figures(level, **other),
        digest=digest,
        authentication=proof(actor),
    )


def problems(level: RiskLevel = MEDIUM, **other: Any) -> dict[str, str]:
    others: dict[str, Any] = {name: dict(row) for name, row in RISK_CLASSES.items() if name != level}
    return rules.problems(level, RISK_CLASSES[level] | other, others)


@pytest.mark.parametrize("level", list(RiskLevel))
def test_what_is_shipped_is_a_class(level: RiskLevel) -> None:
    assert problems(level) == {}


def test_every_figure_of_a_class_can_be_changed_and_is_judged() -> None:
    columns = {field.name for field in RiskClass._meta.concrete_fields} - {"level"}
    assert set(rules.FIELDS) == columns
    assert {*rules.NUMBERS, *rules.CHOSEN, "veto", "exercise", "rollout_steps"} == columns


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"seats": ["security", "astrology"]}, "seats"),
        ({"seats": ["security", "security"]}, "seats"),
        ({"quorum": 0}, "quorum"),
        ({"quorum": 6}, "quorum"),
        ({"quorum": True}, "quorum"),
        ({"quorum": 4}, "quorum"),
        ({"elevation_quorum": 1, "elevation_seats": ["security", "legal"]}, "elevation_quorum"),
        ({"assessments": ["horoscope"]}, "assessments"),
        ({"assessment_max_days": 0}, "assessment_max_days"),
        ({"tests": ["exam"]}, "tests"),
        ({"exercise": "yoga"}, "exercise"),
        ({"veto": "maybe"}, "veto"),
        ({"rollout_steps": []}, "rollout_steps"),
        ({"rollout_steps": [50, 25, 100]}, "rollout_steps"),
        ({"rollout_steps": [25, 50]}, "rollout_steps"),
        ({"rollout_steps": [0, 100]}, "rollout_steps"),
        ({"review_warn_days": 180}, "review_warn_days"),
        ({"minimum_score": 0}, "minimum_score"),
        ({"minimum_score": 10}, "minimum_score"),
        ({"elevation_max_minutes": 20}, "elevation_max_minutes"),
        ({"retention_days": 9}, "retention_days"),
        ({"seats": ["security"], "quorum": 5}, "seats"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_class_is_named(wrong: dict[str, Any], field: str) -> None:
    assert field in problems(**wrong)


def test_every_figure_has_to_be_said() -> None:
    assert set(rules.problems(MEDIUM, {}, {})) == set(rules.FIELDS)


@given(
    st.dictionaries(
        st.sampled_from(rules.FIELDS), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.integers()))
    )
)
def test_any_figures_are_judged(other: dict[str, Any]) -> None:
    for name in problems(**other):
        assert name in rules.FIELDS


@given(st.sampled_from(list(RiskLevel)), st.data())
def test_a_graver_class_never_demands_less(level: RiskLevel, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from((*rules.AT_LEAST, *rules.AT_MOST)))
    lowest, highest = rules.NUMBERS[name]
    value = data.draw(st.integers(lowest, highest))
    if problems(level, **{name: value}):
        return
    demanded = [value if each == level else RISK_CLASSES[each][name] for each in RiskLevel]
    assert demanded == sorted(demanded, reverse=name in rules.AT_MOST)


def test_the_lowest_class_begins_at_nothing(ada: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        preview(ada, LOW, minimum_score=1)
    assert list(refusal.value.fields) == ["minimum_score"]


def test_a_preview_says_whom_it_affects_and_what_they_lack(
    ada: Person, olivia: Person, sasha: Person, analyst: Agent
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    (effect,) = preview(ada, assessment_max_days=200).effects
    assert (effect.agent, effect.before, effect.after, effect.is_reassessed) == (
        analyst,
        MEDIUM,
        MEDIUM,
        False,
    )
    assert "Nobody who may vote on it holds the seat Legal." in effect.lacks
    assert "Nobody who may vote on it holds the seat Security." not in effect.lacks
    assert "Security impact assessment: none is signed." in effect.lacks
    signed(olivia, sasha, analyst, AssessmentKind.SECURITY)
    (effect,) = preview(ada, assessment_max_days=200).effects
    assert "Security impact assessment: none is signed." not in effect.lacks
    assert RiskClass.objects.get(level=MEDIUM).assessment_max_days == 365


def test_a_preview_finds_who_would_come_into_the_class(ada: Person, olivia: Person, analyst: Agent) -> None:
    """Six points are medium; with a lowest score of six for high they are too few, with five they are not."""
    answers = dict.fromkeys(ANSWERS, "") | ANSWERS
    made = risk.assess(actor=olivia, agent=analyst, answers=answers)
    (effect,) = preview(ada, HIGH, minimum_score=made.score).effects
    assert (effect.before, effect.after, effect.is_reassessed) == (MEDIUM, HIGH, True)
    assert preview(ada, HIGH, minimum_score=made.score + 1).effects == ()


def test_what_was_shown_is_saved_and_agents_are_evaluated_anew(
    ada: Person, olivia: Person, active_analyst: Agent
) -> None:
    before = selectors.latest_assessment(active_analyst)
    assert before is not None
    instance = start_instance(active_analyst)
    change(ada, HIGH, minimum_score=before.score)
    after = selectors.latest_assessment(active_analyst)
    assert after is not None
    assert (after.risk_class_id, after.computed, after.assessed_by) == ("high", "high", "system/risk-classes")
    assert "The figures of the class High were changed." in after.reason
    active_analyst.refresh_from_db()
    assert active_analyst.edited == ["risk"]
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"
    event = events("risk_class.changed")[0]
    assert event.details["before"] == {"minimum_score": 10}
    assert event.details["after"] == {"minimum_score": before.score}
    assert event.details["reassessed"] == [str(active_analyst.pk)]


def test_agents_that_keep_their_class_are_not_edited(ada: Person, active_analyst: Agent) -> None:
    count = RiskAssessment.objects.count()
    change(ada, assessment_max_days=200)
    active_analyst.refresh_from_db()
    assert active_analyst.edited == []
    assert RiskAssessment.objects.count() == count
    assert events("risk_class.changed")[0].details["agents"] == [str(active_analyst.pk)]


def test_a_class_edited_between_preview_and_confirmation_is_a_conflict(ada: Person, analyst: Agent) -> None:
    shown = preview(ada, assessment_max_days=200)
    change(ada, test_max_days=150)
    with pytest.raises(Conflict, match="have changed meanwhile"):
        change(ada, digest=shown.digest, assessment_max_days=200)
    assert RiskClass.objects.get(level=MEDIUM).assessment_max_days == 365
    assert len(events("risk_class.changed", "failed")) == 1


def test_an_agent_assessed_between_preview_and_confirmation_is_a_conflict(
    ada: Person, olivia: Person, analyst: Agent
) -> None:
    shown = preview(ada, assessment_max_days=200)
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    with pytest.raises(Conflict, match="have changed meanwhile"):
        change(ada, digest=shown.digest, assessment_max_days=200)


def test_a_pending_request_keeps_the_rule_that_was_frozen(
    ada: Person, submitted: Approval, members: list[Person]
) -> None:
    """The quorum is lowered after the submission: five people still approve, not two."""
    change(ada, LOW, seats=["security"], quorum=1)
    change(ada, MEDIUM, seats=["security"], quorum=1)
    for member in members[:4]:
        cast(member, submitted)
        submitted.refresh_from_db()
        assert submitted.state == ApprovalState.PENDING
    cast(members[4], submitted)
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.APPROVED


def test_only_administrators_change_classes(olivia: Person, sasha: Person, ada: Person) -> None:
    digest = preview(ada, assessment_max_days=200).digest
    for person in (olivia, sasha):
        with pytest.raises(Denied):
            preview(person, assessment_max_days=200)
        with pytest.raises(Denied):
            change(person, digest=digest, assessment_max_days=200)
    assert len(events("risk_class.changed", "denied")) == 2


def test_an_old_sign_in_does_not_change_classes(ada: Person) -> None:
    digest = preview(ada, assessment_max_days=200).digest
    with pytest.raises(Denied, match="older than"):
        risk_classes.change(
            actor=ada,
            level=MEDIUM,
            figures=figures(assessment_max_days=200),
            digest=digest,
            authentication=proof(ada, minutes=10),
        )


def test_nothing_new_is_a_conflict(ada: Person) -> None:
    with pytest.raises(Conflict, match="Nothing differs"):
        preview(ada)
    with pytest.raises(Conflict, match="Nothing differs"):
        preview(ada, seats=figures()["seats"][::-1])


def test_a_preview_asks_the_database_the_same_for_many_agents(
    ada: Person, olivia: Person, django_assert_num_queries: Any
) -> None:
    from tests.portal import work

    for count in (1, 10):
        for _ in range(count):
            risk.assess(actor=olivia, agent=work.agent(olivia), answers=ANSWERS)
        with django_assert_num_queries(7):
            assert len(preview(ada, assessment_max_days=200).effects) >= count
