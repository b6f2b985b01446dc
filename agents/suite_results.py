"""What a test run says of itself, before it is recorded (S1-26). Pure: no database, no clock."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from agents.choices import VersionTestKind, VersionTestOutcome

LONGEST = {"suite": 200, "tool": 100, "tool_version": 100, "run_id": 200, "run_url": 500}
NEEDED = ("suite", "tool", "run_id")
MOST_TESTS = 2**31 - 1
_sha256 = re.compile(r"[0-9a-f]{64}").fullmatch
_commit = re.compile(r"[0-9a-f]{7,64}").fullmatch


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """One run of one suite. `outcome` is what the tool says of it, the counts are of single tests."""

    kind: str
    suite: str
    outcome: str
    passed: int
    failed: int
    skipped: int
    started_at: datetime
    ended_at: datetime
    tool: str
    run_id: str
    tool_version: str = ""
    commit: str = ""
    run_url: str = ""
    report_sha256: str = ""


def problems(result: SuiteResult) -> dict[str, str]:
    """What is wrong with it, by field; empty where it can be recorded."""
    return {**_wrong_words(result), **_wrong_texts(result), **_wrong_counts(result), **_wrong_times(result)}


def _wrong_words(result: SuiteResult) -> dict[str, str]:
    found = {}
    if result.kind not in VersionTestKind.values:
        found["kind"] = f"Use one of {', '.join(VersionTestKind.values)}."
    if result.outcome not in VersionTestOutcome.values:
        found["outcome"] = f"Use one of {', '.join(VersionTestOutcome.values)}."
    return found


def _wrong_texts(result: SuiteResult) -> dict[str, str]:
    found = {name: "It must not be empty." for name in NEEDED if not getattr(result, name).strip()}
    for name, most in LONGEST.items():
        text = getattr(result, name)
        if len(text) > most:
            found[name] = f"At most {most} characters."
        elif not text.isprintable():
            found[name] = "It holds characters that cannot be shown."
    if result.run_url and not _is_web(result.run_url):
        found["run_url"] = "Use an address that begins with https:// or http://, without a password in it."
    if result.report_sha256 and not _sha256(result.report_sha256):
        found["report_sha256"] = "Use the SHA-256 in 64 small hexadecimal digits."
    if result.commit and not _commit(result.commit):
        found["commit"] = "Use 7 to 64 small hexadecimal digits."
    return found


def _wrong_counts(result: SuiteResult) -> dict[str, str]:
    found = {
        name: f"Use a number from 0 to {MOST_TESTS}."
        for name in ("passed", "failed", "skipped")
        if not 0 <= getattr(result, name) <= MOST_TESTS
    }
    if result.outcome == VersionTestOutcome.PASSED and not found:
        if result.failed:
            found["failed"] = "A run with a failed test did not pass."
        if not result.passed:
            found["passed"] = "A run in which no test passed did not pass."
    return found


def _wrong_times(result: SuiteResult) -> dict[str, str]:
    for name in ("started_at", "ended_at"):
        if getattr(result, name).tzinfo is None:
            return {name: "Name the zone, for example 2026-03-01T12:00:00Z."}
    if result.ended_at < result.started_at:
        return {"ended_at": "It ends before it starts."}
    return {}


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(host) and not (parts.username or parts.password)
