"""Severities from the words, the scores and the CVSS vectors of scanners."""

import re
from functools import lru_cache

import cvss

from agents.choices import Severity

WORDS = {
    "critical": Severity.CRITICAL,
    "defcon1": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "error": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
    "low": Severity.LOW,
    "minor": Severity.LOW,
}
STEPS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
SCORE = re.compile(r"(?:10|[0-9])(?:\.[0-9]{1,3})?")
VERSION_2 = re.compile(r"(?:CVSS2#)?\(?(AV:[^)]*)\)?")


def from_word(word: str, otherwise: Severity = Severity.INFO) -> Severity:
    """What a scanner calls it, in any letters; `otherwise` for words that nobody knows."""
    return WORDS.get(word.strip().lower(), otherwise)


def from_score(score: str) -> Severity | None:
    """By the qualitative scale of CVSS 3 and 4; None for what is not a score from 0 to 10."""
    text = score.strip()
    if not SCORE.fullmatch(text) or float(text) > STEPS[0][0] + 1:
        return None
    return next((severity for least, severity in STEPS if float(text) >= least), Severity.INFO)


@lru_cache(maxsize=4096)
def from_vector(vector: str) -> Severity | None:
    """By the base score that the vector gives; None for what is not a CVSS vector."""
    try:
        if vector.startswith("CVSS:4"):
            return from_score(str(cvss.CVSS4(vector).base_score))
        if vector.startswith("CVSS:3"):
            return from_score(str(cvss.CVSS3(vector).scores()[0]))
        found = VERSION_2.fullmatch(vector)
        return from_score(str(cvss.CVSS2(found[1]).scores()[0])) if found else None
    except (cvss.CVSSError, ArithmeticError, LookupError, TypeError, ValueError):
        return None


def from_vectors(vectors: list[str]) -> Severity | None:
    """By the first vector that can be read."""
    return next((found for found in map(from_vector, vectors) if found is not None), None)
