"""Files of NVD records for machines without the Internet. Pure: bytes in, `cve` objects out.

Three shapes are read: an answer of the NVD API 2.0 (an object with `vulnerabilities`), a list of
`cve` objects, and JSON Lines of either's entries.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from agents import strict_json
from agents.nvd import records


class MirrorError(ValueError):
    """The file cannot be loaded; the message names it and the record."""


def read(file_name: str, content: bytes) -> list[Mapping[str, Any]]:
    """Every `cve` object in a file, all of them checked.

    Raises:
        MirrorError: not one of the three shapes, or a record that is not understood.
    """
    if not content.strip():
        raise MirrorError(f"{file_name}: the file is empty.")
    found = []
    for place, entry in _entries(file_name, content):
        cve = entry.get("cve", entry) if isinstance(entry, dict) else entry
        try:
            records.facts(cve, source="")
        except records.RecordError as error:
            raise MirrorError(f"{file_name}: {place}: {error}.") from error
        found.append(cve)
    if not found:
        raise MirrorError(f"{file_name}: there is no record in it.")
    return found


def _entries(file_name: str, content: bytes) -> Iterator[tuple[str, Any]]:
    try:
        document = strict_json.loads(content)
    except strict_json.StrictJSONError as error:
        yield from _lines(file_name, content, error)
        return
    if isinstance(document, dict):
        document = document.get("vulnerabilities", [document] if "id" in document else None)
    if not isinstance(document, list):
        raise MirrorError(
            f"{file_name}: not NVD records: an API 2.0 answer with `vulnerabilities`, a list of `cve` "
            "objects or JSON Lines is expected."
        )
    yield from ((f"record {number}", entry) for number, entry in enumerate(document, start=1))


def _lines(file_name: str, content: bytes, whole: strict_json.StrictJSONError) -> Iterator[tuple[str, Any]]:
    """Each line as a document, where the first line is one; else what was wrong with the whole."""
    lines = [(number, line) for number, line in enumerate(content.splitlines(), start=1) if line.strip()]
    for number, line in lines:
        try:
            yield f"line {number}", strict_json.loads(line)
        except strict_json.StrictJSONError as error:
            if number == lines[0][0]:
                raise MirrorError(f"{file_name}: {whole}.") from whole
            raise MirrorError(
                f"{file_name}: line {number} column {error.column}: {error.problem}."
            ) from error
