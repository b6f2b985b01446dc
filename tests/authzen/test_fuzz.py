"""Whatever is sent: an answer or an error of the sender's, never one of ours."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.authzen.asking import ALICE, ARCHIVED, EVALUATION, EVALUATIONS, QUESTION, READ, SEARCH, Asker

PATHS = [
    EVALUATION,
    EVALUATIONS,
    *(SEARCH + kind for kind in ("subject", "resource", "action")),
    "/access/v1/abac",
]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("certified")]
many = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["user", "agent"])
)
names = st.text(max_size=8) | st.sampled_from(
    ["type", "id", "name", "properties", "token", "limit", "__entity"]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
entities = st.sampled_from([ALICE, ARCHIVED, {"type": "agent", "id": "x"}]) | st.fixed_dictionaries(
    {}, optional={"type": scalars, "id": scalars, "properties": values}
)
shaped: dict[str, st.SearchStrategy[Any]] = {
    "subject": entities | values,
    "resource": entities | values,
    "action": st.sampled_from([READ, {"name": "delete"}]) | values,
    "context": values,
    "options": st.fixed_dictionaries({}, optional={"evaluations_semantic": values, "include_context": values})
    | values,
    "page": values,
    "Principal": values,
    "Action_Requested": values,
    "Context_Attribute": st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("human_owner_id", "task_intent", "time_frame", "resource"), scalars)
    )
    | values,
}
bodies = st.fixed_dictionaries(
    {},
    optional={
        **shaped,
        "evaluations": st.lists(st.fixed_dictionaries({}, optional=shaped), max_size=3) | values,
    },
)


def check(asker: Asker, path: str, body: object) -> None:
    answered = asker.post(path, body)
    assert answered.status_code in {200, 400}, (answered.status_code, answered.content)
    assert isinstance(json.loads(answered.content), dict if answered.status_code == 200 else str)


@pytest.mark.parametrize("path", PATHS)
@given(body=bodies)
@many
def test_any_json_is_answered_or_refused(path: str, body: dict[str, Any], asker: Asker) -> None:
    check(asker, path, body)


@pytest.mark.parametrize("path", PATHS)
@given(part=shaped["subject"], name=st.sampled_from(sorted(QUESTION)), context=st.dictionaries(names, values))
@many
def test_a_good_question_with_one_odd_part(
    path: str, part: Any, name: str, context: Any, asker: Asker
) -> None:
    check(asker, path, {**QUESTION, name: part, "context": context, "evaluations": [{}, {name: part}]})


@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@many
def test_any_bytes_are_answered_or_refused(body: bytes, asker: Asker) -> None:
    check(asker, EVALUATION, body)
