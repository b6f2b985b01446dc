"""Where the answers to the risk questionnaire and the register say different things. Pure.

These are warnings: the register may be out of date, or the words in it may mean something else.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.choices import Access, Autonomy
from governance import manifest
from governance.risk_score import QUESTIONS

# Words in the name of a data category that leave little doubt about how sensitive it is.
TELLING: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "special",
        (
            "health", "medical", "patient", "biometric", "genetic", "religio", "ethnic", "sexual",
            "union member", "criminal", "card number", "cardholder", "password", "secret", "credential",
        ),
    ),
    ("confidential", ("personal", "pii", "customer", "employee", "salar", "confidential", "address")),
)  # fmt: skip
WRITES = ("writes_inside", "writes_outside")


def disagreements(
    answers: Mapping[str, str], *, autonomy: str, categories: Sequence[str], functions: Any
) -> dict[str, str]:
    """By question, in what an answer looks milder or other than what the register says."""
    found: dict[str, str] = {}
    if answers.get("autonomy") in Autonomy.values and answers["autonomy"] != autonomy:
        found["autonomy"] = f"The register says: {Autonomy(autonomy).label}."
    if hint := _sensitivity(answers.get("data_sensitivity", ""), categories):
        found["data_sensitivity"] = hint
    writing = manifest.of_access(manifest.entries(functions), Access.WRITE)
    if writing and answers.get("external_action") not in (*WRITES, None, ""):
        named = ", ".join(item["action"] for item in writing)
        found["external_action"] = f"Its newest version has functions that write: {named}."
    return found


def _sensitivity(answer: str, categories: Sequence[str]) -> str | None:
    question = next(each for each in QUESTIONS if each.id == "data_sensitivity")
    chosen = question.option(answer)
    for option_id, words in TELLING:
        option = question.option(option_id)
        telling = [name for name in categories if re.search("|".join(map(re.escape, words)), name.casefold())]
        if telling and chosen and option and chosen.points < option.points:
            return f"The register names {', '.join(telling)}, which sounds like: {option.text}."
    return None
