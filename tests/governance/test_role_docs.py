"""The documented vocabulary of conditions is the one that is executed."""

import re
from pathlib import Path

from governance.conditions import VOCABULARY
from governance.role_rules import VERBS

DOCS = Path(__file__).parents[2] / "docs" / "roles.md"


def test_every_condition_is_documented_as_it_is_written() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    assert {word.written: word.asks for word in VOCABULARY.values()}.items() <= rows.items()


def test_every_verb_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert all(f"`{verb}`" in text for verb in VERBS)
