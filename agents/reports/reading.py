"""From the bytes of a report to its findings: limits, encoding, JSON, format. No ORM, no settings."""

from agents import strict_json
from agents.choices import ReportFormat
from agents.reports import grype, sarif, summary, trivy
from agents.reports.shape import Format, ParsedReport, ReportError

AUTO = "auto"
FORMATS: dict[ReportFormat, Format] = {
    ReportFormat.TRIVY: trivy,
    ReportFormat.GRYPE: grype,
    ReportFormat.SARIF: sarif,
    ReportFormat.SUMMARY: summary,
}
KNOWN = ", ".join(FORMATS)
MAGIC = {
    b"<": "looks like XML or HTML",
    b"PK\x03\x04": "is a ZIP archive: unpack it first",
    b"\x1f\x8b": "is compressed with gzip: unpack it first",
}


def read(
    file_name: str,
    content: bytes,
    *,
    named: str = AUTO,
    max_bytes: int,
) -> tuple[ReportFormat, ParsedReport]:
    """The format and the findings of a report; `named` is a format, or "auto" to look for it.

    Raises:
        ReportError: too long, empty, not JSON as `strict_json` reads it, of no known format, not of
            the format that was named, or not as its format says. The error names the file, the place
            and the format.
    """
    try:
        _check_outside(content, max_bytes)
        wanted = _named(named)
        document = _document(content)
        found = _detected(document, wanted)
    except ReportError as error:
        raise _about(error, file_name, "" if named == AUTO else named) from error
    try:
        return found, FORMATS[found].parse(document)
    except ReportError as error:
        raise _about(error, file_name, found.label) from error


def _check_outside(content: bytes, max_bytes: int) -> None:
    if len(content) > max_bytes:
        raise ReportError(
            f"longer than {max_bytes} bytes. The limit is the setting COUNTERSIGN_REPORT_MAX_BYTES."
        )
    if not content.strip():
        raise ReportError("the file is empty.")
    for start, problem in MAGIC.items():
        if content.lstrip().startswith(start):
            raise ReportError(f"{problem}; a JSON report is expected ({KNOWN}).", place="line 1 column 1")


def _named(named: str) -> ReportFormat | None:
    if named == AUTO:
        return None
    if named not in FORMATS:
        raise ReportError(f"{named!r} is not a known format; use {AUTO} or one of: {KNOWN}.")
    return ReportFormat(named)


def _document(content: bytes) -> strict_json.JSON:
    try:
        document: strict_json.JSON = strict_json.loads(content)
    except strict_json.StrictJSONError as error:
        place = f"line {error.line} column {error.column}" if error.line else ""
        raise ReportError(f"not readable as JSON: {error.problem}.", place=place) from error
    return document


def _detected(document: strict_json.JSON, wanted: ReportFormat | None) -> ReportFormat:
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
