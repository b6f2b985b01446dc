"""Templates and the answers to them: pure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import canonical
from governance import answers
from governance.assessment_templates import TEMPLATES, Template
from governance.assessment_templates.template import CHECKS, Field, FieldKind
from governance.choices import AssessmentKind
from tests.governance.papers import complete

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
templates = st.sampled_from(list(TEMPLATES.values()))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def values(field: Field) -> st.SearchStrategy[Any]:
    """What fits the field."""
    rows = st.fixed_dictionaries(
        {
            column.id: st.sampled_from([option.id for option in column.options]) if column.options else text
            for column in field.columns
        }
    )
    return {
        FieldKind.TEXT: text,
        FieldKind.CHOICE: st.sampled_from([option.id for option in field.options] or [""]),
        FieldKind.LIST: st.lists(text, max_size=3),
        FieldKind.CHECK: st.fixed_dictionaries(
            {"answer": st.sampled_from([option.id for option in CHECKS]), "remark": text}
        ),
        FieldKind.TABLE: st.lists(rows, max_size=3),
    }[field.kind]


@st.composite
def answered(draw: st.DrawFn) -> tuple[Template, answers.Answers]:
    template = draw(templates)
    found: answers.Answers = {}
    for section, field in template.fields():
        if draw(st.booleans()):
            found.setdefault(section.id, {})[field.id] = draw(values(field))
    return template, found


def test_every_kind_has_a_template_that_names_its_sources() -> None:
    assert set(TEMPLATES) == set(AssessmentKind)
    for template in TEMPLATES.values():
        assert template.sources
        assert template.signers
        names = [(section.id, field.id) for section, field in template.fields()]
        assert len(set(names)) == len(names)


def test_every_column_and_option_that_a_template_names_is_there() -> None:
    for template in TEMPLATES.values():
        for _, field in template.fields():
            assert (field.kind == FieldKind.CHOICE) == bool(field.options)
            assert (field.kind == FieldKind.TABLE) == bool(field.columns)
            assert {field.rated, field.named} - {""} <= {column.id for column in field.columns}


@given(answered())
def test_what_fits_is_kept_and_kept_again(given_answers: tuple[Template, answers.Answers]) -> None:
    template, found = given_answers
    assert answers.problems(template, found) == {}
    kept = answers.fitting(template, found)
    assert answers.fitting(template, kept) == kept
    assert answers.problems(template, kept) == {}


@given(answered())
def test_what_is_kept_can_be_read_and_signed(given_answers: tuple[Template, answers.Answers]) -> None:
    template, found = given_answers
    for section, fields in answers.read(template, answers.fitting(template, found)):
        assert [field.id for field in fields] == [field.id for field in section.fields]
        assert canonical.dumps([field.value for field in fields])


@given(templates, st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=5), anything)))
def test_what_nobody_asked_for_is_refused_and_never_kept(template: Template, foreign: dict[str, Any]) -> None:
    known = {(section.id, field.id) for section, field in template.fields()}
    strange = {
        f"{section}.{field}"
        for section, fields in foreign.items()
        for field in fields
        if (section, field) not in known
    }
    assert strange <= set(answers.problems(template, foreign))
    assert answers.problems(template, answers.fitting(template, foreign)) == {}


@given(templates, st.data(), anything)
def test_any_value_is_stored_in_shape_or_refused(template: Template, data: st.DataObject, value: Any) -> None:
    section, field = data.draw(st.sampled_from(template.fields()))
    found = {section.id: {field.id: value}}
    if not answers.problems(template, found):
        assert list(answers.read(template, answers.fitting(template, found)))


@given(templates, st.data())
def test_every_required_answer_is_missed(template: Template, data: st.DataObject) -> None:
    whole = complete(template)
    assert answers.missing(template, whole, []) == {}
    required = [(section, field) for section, field in template.fields() if field.required]
    section, field = data.draw(st.sampled_from(required))
    del whole[section.id][field.id]
    assert list(answers.missing(template, whole, [])) == [f"{section.id}.{field.id}"]


@pytest.mark.parametrize("kind", [AssessmentKind.PRIVACY, AssessmentKind.SECURITY])
def test_a_high_risk_needs_a_mitigation_of_its_name(kind: AssessmentKind) -> None:
    template = TEMPLATES[kind]
    whole = complete(template)
    section, field = next(pair for pair in template.fields() if pair[1].rated)
    whole[section.id][field.id][0] |= {"name": "Leak", "rating": "high"}
    assert answers.grave_risks(template, whole) == ["Leak"]
    name = f"{section.id}.{field.id}"
    assert "Leak" in answers.missing(template, whole, [{"risk": "Other", "measure": "x"}])[name]
    assert "Leak" in answers.missing(template, whole, [{"risk": "Leak", "measure": ""}])[name]
    assert answers.missing(template, whole, [{"risk": " leak ", "measure": "Filter."}]) == {}


def test_no_and_not_applicable_say_why() -> None:
    template = TEMPLATES[AssessmentKind.SECURITY_CHECKLIST]
    for answer, remark, wanted in (("no", "", 1), ("na", "", 1), ("no", "Planned.", 0), ("yes", "", 0)):
        whole = complete(template)
        whole["input"]["injection"] = {"answer": answer, "remark": remark}
        assert len(answers.missing(template, whole, [])) == wanted


def test_a_row_of_a_table_is_whole() -> None:
    template = TEMPLATES[AssessmentKind.PRIVACY]
    whole = complete(template)
    del whole["flows"]["table"][0]["target"]
    assert answers.missing(template, whole, []) == {"flows.table": "Row 1 lacks: To."}
