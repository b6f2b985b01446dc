"""The tool manifest and the rest of a version's provenance: what is wrong is said entry by entry."""

import dataclasses
import json
from typing import Any

import pytest

from agents import tool_manifest
from agents.analyst import provenance
from agents.functions import catalogue
from agents.models import Agent, Person
from agents.services import register
from audits.errors import Invalid

GOOD = {
    "name": "read_row",
    "access": "read",
    "resource": "row/{row_id}",
    "description": "Reads.",
    "parameters": {"type": "object", "properties": {"row_id": {"type": "string"}}},
}


def test_the_catalogue_is_a_manifest() -> None:
    assert tool_manifest.problems(catalogue.manifest()) == []
    assert tool_manifest.read(json.dumps(catalogue.manifest())) == catalogue.manifest()


def test_yaml_and_json_say_the_same() -> None:
    text = "- name: read_row\n  access: read\n  resource: row/{row_id}\n"
    assert tool_manifest.read(text) == tool_manifest.read(
        '[{"name": "read_row", "access": "read", "resource": "row/{row_id}"}]'
    )
    assert tool_manifest.problems(tool_manifest.read(text)) == []
    assert tool_manifest.read(" ") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "9lives"}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"access": "admin"}, "access"),
        ({"resource": ""}, "resource"),
        ({"resource": "row/{}"}, "resource"),
        ({"resource": "row/ 1"}, "resource"),
        ({"description": 7}, "description"),
        ({"description": "a\0"}, "description"),
        ({"parameters": []}, "parameters"),
        ({"parameters": {"type": "string"}}, "parameters"),
        ({"parameters": {"type": "object", "properties": {"a": {"type": "colour"}}}}, "parameters"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_each_problem_names_its_entry_and_field(change: dict[str, Any], field: str) -> None:
    [problem] = tool_manifest.problems([GOOD, {**GOOD, "name": "other"} | change])
    assert (problem.entry, problem.field) == (2, field)
    assert str(problem).startswith("entry 2")


@pytest.mark.parametrize("manifest", [{}, "x", [7], [GOOD, GOOD], [GOOD] * 201])
def test_what_is_no_list_of_functions_is_refused(manifest: Any) -> None:
    assert tool_manifest.problems(manifest)


@pytest.mark.parametrize("text", ["{", "[1", "a: b", "- &a x\n- *a", '[{"a": 1, "a": 2}]', "x" * 500_001])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        tool_manifest.read(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt_digest", "abc"),
        ("prompt_digest", "A" * 64),
        ("code_commit", "HEAD"),
        ("image_digest", "latest"),
        ("image_digest", "sha256:1"),
        ("model_provider", ""),
        ("model_name", "x" * 101),
        ("tool_manifest", [GOOD, GOOD]),
    ],
)
def test_a_version_says_which_part_of_its_provenance_is_wrong(
    analyst: Agent, olivia: Person, field: str, value: Any
) -> None:
    changed = dataclasses.replace(provenance.current(), **{field: value})
    with pytest.raises(Invalid) as refusal:
        register.add_version(actor=olivia, agent=analyst, label="2", provenance=changed)
    assert list(refusal.value.fields) == [field]
