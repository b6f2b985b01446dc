"""The catalogue: one list from which manifest, tools and execution are made."""

import orjson
import pytest
from pydantic import ValidationError

from agents.choices import Access
from agents.functions import catalogue
from agents.functions.function import Function
from audits import canonical

FUNCTIONS = [pytest.param(function, id=function.name) for function in catalogue.FUNCTIONS]


def test_names_are_unique_and_resolve() -> None:
    assert len(catalogue.BY_NAME) == len(catalogue.FUNCTIONS)
    for tool, entry in zip(catalogue.tools(), catalogue.manifest(), strict=True):
        function = catalogue.find(tool["function"]["name"])
        assert function is not None
        assert entry["name"] == function.name
        assert entry["parameters"] == tool["function"]["parameters"] == function.parameters


def test_what_is_not_in_the_catalogue_is_not_found() -> None:
    assert catalogue.find("open_tickets") is None
    assert catalogue.find("") is None


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_manifest_entry_has_what_an_approval_shows(function: Function) -> None:  # type: ignore[type-arg]
    entry = next(entry for entry in catalogue.manifest() if entry["name"] == function.name)
    assert set(entry) == {"name", "access", "resource", "description", "parameters"}
    assert entry["access"] in Access.values
    assert all(entry[key] for key in ("resource", "description"))
    assert canonical.digest_foreign(entry)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_schemas_are_strict(function: Function) -> None:  # type: ignore[type-arg]
    schema = function.parameters
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert "$defs" not in schema
    for model in (function.arguments, function.result):
        assert model.model_config["extra"] == "forbid"
        assert model.model_config["strict"] is True
    for name, argument in schema["properties"].items():
        variants = argument.get("anyOf", [argument])
        for variant in variants:
            bounded = variant["type"] != "string" or "maxLength" in variant or "enum" in variant
            assert bounded, f"{name} may be of any length"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_required_arguments_are_required(function: Function) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValidationError):
        function.arguments.model_validate_json("{}")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_write_names_its_resource_by_what_the_run_works_on(function: Function) -> None:  # type: ignore[type-arg]
    """No argument of a model can say which object is written to."""
    if function.access == Access.WRITE:
        assert "{finding_id}" in function.resource
    assert "finding_id" not in function.parameters["properties"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_vulnerability_info", '{"cve_id": "CVE-2021-44228 "}'),
        ("get_vulnerability_info", '{"cve_id": "CVE-2021-44228\\n"}'),
        ("get_vulnerability_info", '{"cve_id": "CVE-2021-44228", "url": "http://x"}'),
        ("get_vulnerability_info", '{"cve_id": 44228}'),
        ("get_vulnerability_info", '{"cve_id": ["CVE-2021-44228"]}'),
        ("get_vulnerability_info", '["CVE-2021-44228"]'),
        ("get_vulnerability_info", "CVE-2021-44228"),
        ("assess_vulnerability", '{"vulnerability_id": ""}'),
        ("assess_vulnerability", '{"vulnerability_id": "A", "severity": "urgent"}'),
        ("assess_vulnerability", '{"vulnerability_id": "A", "package_name": null}'),
        ("open_ticket", '{"title": "A", "body": "B"}'),
        ("open_ticket", '{"title": "A\\nB", "body": "B", "severity": "high"}'),
        ("open_ticket", '{"title": "A", "body": "\\u0000", "severity": "high"}'),
        ("open_ticket", '{"title": "A", "body": "\\ud800", "severity": "high"}'),
        ("open_ticket", '{"title": "A\\u2028B", "body": "B", "severity": "high"}'),
        ("open_ticket", '{"title": "A\\u0085B", "body": "B", "severity": "high"}'),
        ("open_ticket", '{"title": "A", "body": "pay \\u202e001 ton", "severity": "high"}'),
        ("open_ticket", '{"title": "A\\u2066B", "body": "B", "severity": "high"}'),
        ("open_ticket", '{"title": "' + "A" * 201 + '", "body": "B", "severity": "high"}'),
        ("open_ticket", '{"title": "A", "body": "' + "B" * 8001 + '", "severity": "high"}'),
    ],
)
def test_arguments_that_do_not_fit_are_refused(name: str, arguments: str) -> None:
    with pytest.raises(ValidationError):
        catalogue.BY_NAME[name].arguments.model_validate_json(arguments)


@pytest.mark.parametrize("text", ["Zażółć gęślą jaźń", "שלום", "漢字", "a\u200db", "\U0001f600"])
def test_every_language_is_text(text: str) -> None:
    arguments = orjson.dumps({"title": text, "body": f"{text}\n\t{text}", "severity": "high"})
    assert catalogue.BY_NAME["open_ticket"].arguments.model_validate_json(arguments).title == text
