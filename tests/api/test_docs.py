"""What the docs tell people to type works: each example names a route, and its body is one."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from agents.models import Person
from tests.api.calling import PREFIX, caller, routes

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def examples() -> list[list[str]]:
    """Every curl of the docs, as the shell would see it."""
    text = DOCS.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    commands = re.split(r"\n(?=curl )", "\n".join(blocks))
    return [shlex.split(command) for command in commands if command.startswith("curl ")]


def test_there_are_examples() -> None:
    assert len(examples()) > 7


@pytest.mark.parametrize("words", examples(), ids=lambda words: words[2] if words[2][0] == "$" else words[4])
def test_an_example_names_a_route(words: list[str], ada: Person, olivia: Person, daniel: Person) -> None:
    path = next(word for word in words if word.startswith("$PORTAL")).removeprefix("$PORTAL")
    sends = {"-d", "-F", "--data-binary"} & set(words)
    method = words[words.index("-X") + 1].lower() if "-X" in words else "post" if sends else "get"
    fits = [
        route
        for verb, route in routes()
        if verb == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path.partition("?")[0])
    ]
    assert fits, f"{method} {path} is no route"
    body: Any = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
    everybody = caller(ada)
    if method == "get":
        assert everybody.get(path).status_code == 200
    elif fits == [f"{PREFIX}/agents"]:
        assert everybody.post(path, body).status_code == 201
    elif method == "patch":
        everybody.post("agents", json.loads(_first_agent()))
        assert everybody.patch(path, body, If_Match="*").status_code == 200
    elif body is not None:
        answered = everybody.post(path, body)
        assert answered.status_code == 404  # the agent of the example before; its body is tried below
        everybody.post("agents", json.loads(_first_agent()))
        assert everybody.post(path, body).status_code == 201


def _first_agent() -> str:
    return next(words[words.index("-d") + 1] for words in examples() if "-d" in words)


def test_the_examples_of_the_description_are_what_is_taken(
    ada: Person, olivia: Person, daniel: Person
) -> None:
    """Nothing in them is wrong but that what they name may not be there."""
    everybody = caller(ada)
    document = everybody.get("openapi.json").json()
    tried = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            for example in content.get("application/json", {}).get("examples", {}).values():
                there = path.replace("{slug}", "invoice-reader").replace("{label}", "1.0.0")
                answered = everybody.change(method.upper(), there, example["value"], If_Match="*")
                told = answered.json()
                missing = [error for error in told.get("errors", []) if "does not exist" in error["detail"]]
                fine = answered.status_code in {200, 201, 403, 404, 409} or told.get("errors") == missing
                assert fine, (path, told)
                tried += 1
    assert tried >= 15
