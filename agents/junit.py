"""JUnit XML as test runners write it: what all suites of one file came to together. Pure: no I/O.

There is no standard; the fields that every common runner writes are read, and what it says of the whole is
counted again from the single test cases, so that a summary that is wrong is not believed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

MAX_BYTES = 32 * 1024 * 1024
LONGEST_SECONDS = 10**7


class JUnitError(ValueError):
    """The file is no JUnit report; the sentence says why."""


@dataclass(frozen=True, slots=True)
class JUnit:
    """Counts of single test cases; `started_at` is the earliest suite's, where one says it."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    started_at: datetime | None


def read(content: bytes) -> JUnit:
    """
    Raises:
        JUnitError: too large, no XML, with a document type or entities, or without a test case.
    """
    if len(content) > MAX_BYTES:
        raise JUnitError(f"The report is larger than {MAX_BYTES:,} bytes.")
    try:
        root = ElementTree.fromstring(content, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise JUnitError(f"The report is no XML as we read it: {type(error).__name__}.") from error
    if root.tag not in {"testsuites", "testsuite"}:
        raise JUnitError("The report does not begin with <testsuites> or <testsuite>.")
    cases = list(root.iter("testcase"))
    if not cases:
        raise JUnitError("The report holds no test case.")
    failed = sum(_failed(case) for case in cases)
    skipped = sum(case.find("skipped") is not None and not _failed(case) for case in cases)
    suites = [root, *root.iter("testsuite")]
    starts = [moment for suite in suites if (moment := _moment(suite.get("timestamp", "")))]
    return JUnit(
        passed=len(cases) - failed - skipped,
        failed=failed,
        skipped=skipped,
        seconds=sum(_seconds(case.get("time", "")) for case in cases),
        started_at=min(starts, default=None),
    )


def _failed(case: Any) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def _moment(text: str) -> datetime | None:
    """Runners that name no zone mean UTC, as those of CI do."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < LONGEST_SECONDS else 0.0
