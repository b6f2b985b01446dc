"""From the bytes of a report to its findings: limits, syntax, format. No ORM, no settings."""

from typing import Any

from agents import strict_json
from agents.choices import ReportFormat
from agents.reports import (
    clair,
    cyclonedx,
    dependency_check,
    github,
    grype,
    inspector,
    nessus,
    npm_audit,
    openvas,
    osv_scanner,
    pip_audit,
    sarif,
    snyk,
    summary,
    table,
    tree,
    trivy,
)
from agents.reports.shape import Format, ParsedReport, ReportError

AUTO = "auto"
FORMATS: dict[ReportFormat, Format] = {
    ReportFormat.TRIVY: trivy,
    ReportFormat.GRYPE: grype,
    ReportFormat.SARIF: sarif,
    ReportFormat.CYCLONEDX: cyclonedx,
    ReportFormat.SNYK: snyk,
    ReportFormat.NPM_AUDIT: npm_audit,
    ReportFormat.PIP_AUDIT: pip_audit,
    ReportFormat.DEPENDENCY_CHECK: dependency_check,
    ReportFormat.CLAIR: clair,
    ReportFormat.INSPECTOR: inspector,
    ReportFormat.OSV_SCANNER: osv_scanner,
    ReportFormat.OPENVAS: openvas,
    ReportFormat.NESSUS: nessus,
    ReportFormat.GITHUB: github,
    ReportFormat.SUMMARY: summary,
}
KNOWN = ", ".join(FORMATS)
# What a scanner writes where it found nothing to look at; only where the format is named.
EMPTY: dict[ReportFormat, Any] = {ReportFormat.OSV_SCANNER: {"results": []}}
# Other words for a format, as other tools have them.
ALSO_CALLED = {
    "anchore_grype": ReportFormat.GRYPE,
    "inspector": ReportFormat.INSPECTOR,
    "npm_audit_7_plus": ReportFormat.NPM_AUDIT,
    "osv": ReportFormat.OSV_SCANNER,
    "tenable": ReportFormat.NESSUS,
}
PACKED = {
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "a ZIP archive",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
}
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read(
    file_name: str,
    content: bytes,
    *,
    named: str = AUTO,
    max_bytes: int,
) -> tuple[ReportFormat, ParsedReport]:
    """The format and the findings of a report; `named` is a format, or "auto" to look for it.

    Raises:
        ReportError: too long, empty, packed, not JSON as `strict_json` reads it, not XML or CSV, of no
            known format, not of the format that was named, or not as its format says. The error names
            the file, the place and the format.
    """
    try:
        wanted = named_format(named)
        _check_outside(content, max_bytes, wanted)
        document = _document(content) if content.strip() or wanted not in EMPTY else EMPTY[wanted]
        found = _detected(document, wanted)
    except ReportError as error:
        raise _about(error, file_name, "" if named == AUTO else named) from error
    try:
        return found, FORMATS[found].parse(document)
    except ReportError as error:
        raise _about(error, file_name, found.label) from error


def named_format(named: str) -> ReportFormat | None:
    """The format of this name, None for "auto".

    Raises:
        ReportError: there is no such format.
    """
    if named == AUTO:
        return None
    found = _format_called(named)
    if found is None:
        raise ReportError(f"{named!r} is not a known format; use {AUTO} or one of: {KNOWN}.")
    return found


def may_be(named: str, known: str) -> bool:
    """Whether a report known as this format may be asked for as `named`."""
    return named == AUTO or _format_called(named) == known


def _format_called(named: str) -> ReportFormat | None:
    plain = named.replace("-", "_")
    return ALSO_CALLED.get(plain) or next((one for one in FORMATS if one == plain), None)


def _check_outside(content: bytes, max_bytes: int, wanted: ReportFormat | None) -> None:
    if len(content) > max_bytes:
        raise ReportError(
            f"longer than {max_bytes} bytes. The limit is the setting COUNTERSIGN_REPORT_MAX_BYTES."
        )
    if not content.strip() and wanted not in EMPTY:
        raise ReportError("the file is empty. Check that the scan wrote its report.")
    for start, problem in PACKED.items():
        if content.startswith(start):
            words = f"it is {problem}, and nothing is unpacked here: unpack it first."
            raise ReportError(words, place="line 1 column 1")


def _document(content: bytes) -> Any:
    """JSON where it begins like JSON, XML where it begins like XML, else CSV."""
    start = content[:64]
    for mark in MARKS:
        start = start.removeprefix(mark)
    first = start.replace(b"\0", b"").lstrip()[:1]
    if first == b"<":
        return tree.loads(content)
    if first in (b"{", b"[") or not _like_a_header(content):
        return _json(content)
    return table.loads(content)


def _like_a_header(content: bytes) -> bool:
    line = content[:65536].partition(b"\n")[0]
    return any(line.count(mark) >= 2 for mark in (b",", b";", b"\t"))  # noqa: PLR2004 - a table has columns


def _json(content: bytes) -> Any:
    try:
        return strict_json.loads(content)
    except strict_json.StrictJSONError as error:
        place = f"line {error.line} column {error.column}" if error.line else ""
        raise ReportError(f"not readable as JSON: {error.problem}.", place=place) from error


def _detected(document: Any, wanted: ReportFormat | None) -> ReportFormat:
    found = [name for name, module in FORMATS.items() if module.detect(document)]
    if wanted is None:
        if len(found) == 1:
            return found[0]
        if found:
            raise ReportError(f"could be any of {', '.join(found)}: name its format.", place="$")
        raise ReportError(f"of no known format ({KNOWN}).", place="$")
    if wanted not in found:
        looks = f"; it looks like {found[0].label}" if found else ""
        raise ReportError(f"not a report of this format{looks}.", place="$")
    return wanted


def _about(error: ReportError, file_name: str, format_name: str) -> ReportError:
    return ReportError(error.problem, place=error.place, file_name=file_name, format_name=format_name)
