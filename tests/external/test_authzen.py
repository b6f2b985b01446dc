"""The certification requests of the AuthZEN working group come out as they must."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.authzen.asking import Asker, apply_certification

PLACEHOLDER = "<next_token from previous response>"


@pytest.mark.django_db
def test_certification(data: Path) -> None:
    lines = (data / "authzen" / "certification.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 16
    asker = Asker()
    apply_certification()
    for case in map(json.loads, lines):
        body = case["body"]
        if body.get("page", {}).get("token") == PLACEHOLDER:
            first = asker.ask(case["path"], body | {"page": {"limit": 1}})
            body["page"]["token"] = first["page"]["next_token"]
        answered = asker.post(case["path"], body, headers=case.get("headers", {}))
        assert answered.status_code == case["expect"]["status"], case["id"]
        for name, value in case["expect"].get("header_echo", {}).items():
            assert answered[name] == value, case["id"]
        _check(json.loads(answered.content), case["expect"], case["id"])


def _check(answer: Any, expect: dict[str, Any], case: str) -> None:
    if expect["status"] != 200:
        assert isinstance(answer, str), case
    if "decision" in expect:
        assert answer["decision"] is expect["decision"], case
    if "evaluations" in expect:
        decisions = [item["decision"] for item in answer["evaluations"]]
        assert len(decisions) == len(expect["evaluations"]), case
        for decision, wanted in zip(decisions, expect["evaluations"], strict=True):
            assert isinstance(decision, bool) if wanted is None else decision is wanted, case
    for wanted in expect.get("results_min", []):
        assert wanted in answer["results"], case
