"""Reading tool manifests."""

import pytest

from governance import manifest

FUNCTIONS = [
    {"name": "open_ticket", "access": "write", "resource": "finding/{finding_id}"},
    {"name": "get_vulnerability_info", "access": "read", "resource": "endpoint/nvd"},
    {"name": "twice", "access": "read", "resource": "endpoint/a"},
    {"name": "twice", "access": "write", "resource": "endpoint/b"},
]


def test_an_entry_is_found_by_its_name() -> None:
    found = manifest.entry(FUNCTIONS, "open_ticket")
    assert found is not None
    assert found["access"] == "write"


@pytest.mark.parametrize("functions", [[], None, "open_ticket", [None, "open_ticket"]])
def test_what_is_no_manifest_has_no_entries(functions: object) -> None:
    assert manifest.entry(functions, "open_ticket") is None


def test_a_name_that_is_there_twice_names_nothing() -> None:
    assert manifest.entry(FUNCTIONS, "twice") is None


@pytest.mark.parametrize(
    ("template", "resource", "covered"),
    [
        ("endpoint/nvd", "endpoint/nvd", True),
        ("endpoint/nvd", "endpoint/nvd2", False),
        ("endpoint/n.d", "endpoint/nvd", False),
        ("finding/{finding_id}", "finding/1", True),
        ("finding/{finding_id}", "finding/", False),
        ("finding/{finding_id}", "finding/1/2", False),
        ("finding/{finding_id}", "finding/{finding_id}", False),
        ("finding/{finding_id}", "finding/1\n", False),
        ("a/{x}/b/{y}", "a/1/b/2", True),
    ],
)
def test_a_template_covers_one_part_for_each_place(template: str, resource: str, covered: bool) -> None:  # noqa: FBT001
    assert manifest.covers(template, resource) is covered


def test_functions_are_listed_by_access() -> None:
    assert manifest.of_access(FUNCTIONS[:2], "write") == [
        {"action": "open_ticket", "resource": "finding/{finding_id}"}
    ]
