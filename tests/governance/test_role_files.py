"""Roles as files: exactly the YAML of S2-5, read strictly, and the same again after a round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import conditions, role_files
from governance.role_rules import VERBS, Permission, means, operation_of

S2_5 = """\
agent_roles:
  data_analyst:
    permissions:
    - resource: sales_database
      actions: [read, query]
      conditions: [no_pii_access]
  hr_assistant:
    permissions:
    - resource: employee_directory
      actions: [read]
      conditions: [same_department_only]
    - resource: leave_system
      actions: [read, create]
"""
names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
arguments = st.lists(st.text(min_size=1, max_size=12).map(str.strip).filter(bool), min_size=1, max_size=3)
needed = st.one_of(
    st.sampled_from(
        ["no_pii_access", "within_task", "max_records(7)", "time_window(22:00, 06:00, Asia/Tokyo)"]
    ).map(conditions.read),
    st.builds(lambda given: conditions.Condition("intent_is", tuple(given)), arguments),
)
permission = st.builds(
    Permission,
    resource=names,
    actions=st.lists(st.sampled_from(sorted(VERBS)) | names, min_size=1, max_size=4, unique=True).map(tuple),
    conditions=st.lists(needed, max_size=3, unique=True).map(tuple),
)
roles = st.dictionaries(names, st.lists(permission, min_size=1, max_size=3).map(tuple), max_size=4)


def test_the_example_of_the_requirements_comes_out_as_it_went_in() -> None:
    file = role_files.read(S2_5.encode(), max_roles=10)
    assert not file.problems
    assert role_files.write({row.name: row.permissions for row in file.rows}) == S2_5


@given(roles)
def test_what_is_exported_is_imported_as_the_same(given_roles: dict[str, tuple[Permission, ...]]) -> None:
    text = role_files.write(given_roles)
    file = role_files.read(text.encode(), max_roles=10)
    assert not file.problems
    assert {row.name: row.permissions for row in file.rows} == given_roles


@given(st.text() | st.sampled_from([S2_5[:cut] for cut in range(len(S2_5))]))
def test_any_text_is_read_or_refused(text: str) -> None:
    role_files.read(text.encode("utf-8", "surrogatepass"), max_roles=10)


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("[no_pii_access]", "[no_pii]", 6, "data_analyst.conditions: 'no_pii' is not a condition; there are"),
        ("[read, query]", "['*']", 5, "names everything (*)"),
        ("[read, query]", "[]", 5, "must be a list of from 1"),
        ("actions: [read]", "action: [read]", 10, "hr_assistant.action: is not known"),
        ("resource: leave_system", "resource: 7", 12, "must be the name of a resource"),
        ("  hr_assistant:", "  HR:", 7, "is no name of a role"),
        ("  hr_assistant:", "  data_analyst:", 7, "occurs twice"),
        ("agent_roles:", "roles:", 1, "must be one mapping named agent_roles"),
        ("[same_department_only]", "&a [same_department_only]", 11, "anchors and aliases"),
        ("[same_department_only]", "!!python/name:os.system x", 11, "is not read"),
    ],
)
def test_what_is_wrong_is_said_by_line_and_field(before: str, after: str, line: int, said: str) -> None:
    file = role_files.read(S2_5.replace(before, after).encode(), max_roles=10)
    problem = file.problems[0]
    assert problem.line == line
    assert said in str(problem)


def test_no_more_roles_than_are_read_at_a_time() -> None:
    file = role_files.read(S2_5.encode(), max_roles=1)
    assert [row.name for row in file.rows] == ["data_analyst"]
    assert "one more than the 1 roles" in str(file.problems[0])


@pytest.mark.parametrize(
    ("word", "function", "access", "expected"),
    [
        ("read", "query_sales", "read", True),
        ("read", "query_sales", "write", False),
        ("query", "query_sales", "read", True),
        ("query", "query", "read", True),
        ("query", "queryx", "read", False),
        ("query", "list_sales", "read", False),
        ("write", "create_ticket", "write", True),
        ("write", "delete_ticket", "write", False),
        ("write", "run_job", "write", False),
        ("delete", "delete_ticket", "write", True),
        ("delete", "remove_ticket", "write", True),
        ("remove", "delete_ticket", "write", False),
        ("execute", "run-job", "write", True),
        ("create", "open_ticket", "write", False),
        ("open_ticket", "open_ticket", "write", True),
        ("delete", "delete_view", "read", False),
    ],
)
def test_which_functions_an_action_means(word: str, function: str, access: str, expected: bool) -> None:  # noqa: FBT001
    assert means(word, function, access) is expected


def test_everything_that_reads_is_reading() -> None:
    assert operation_of("delete_view", "read") == "read"
