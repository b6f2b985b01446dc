"""Real reports, broken in every way: findings or a clear `ReportError`, and nothing else, soon."""

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.reports import reading
from agents.reports.shape import ReportError

LARGEST = 80_000
SECONDS = 10
FOLDERS = (
    "anchore_grype", "aws_inspector2", "clair", "cyclonedx", "dependency_check", "npm_audit",
    "npm_audit_7_plus", "openvas", "osv_scanner", "pip_audit", "sarif", "snyk", "tenable", "trivy",
)  # fmt: skip
BYTES = (
    b"", b"\x00", b"\xff", b'"', b"{", b"[", b"]", b"}", b"<", b"</", b"<a>", b"<!--", b"-->", b"<![CDATA[",
    b"&a;", b"&#0;", b"<!DOCTYPE a>", b",", b";", b"\n", b'""', b"NaN", b"null", b"1e999", b"-1",
    b"9" * 400, b"\xe2\x80\xae", b"\\ud800",
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        "",
        "\0\ud800",
        "CVE-2024-1234",
        "x" * 3000,
        [],
        [[]],
        {},
        {"": {}},
        ["a"],
        [None],
    ]
)


@cache
def contents(folder: Path) -> list[bytes]:
    """The folder's files, of large ones their beginning: broken then, which is what is wanted."""
    return [path.read_bytes()[:LARGEST] for path in sorted(folder.iterdir())]


def check(content: bytes) -> None:
    started = time.monotonic()
    for named in (reading.AUTO, *reading.FORMATS):
        try:
            _, report = reading.read("scan", content, named=named, max_bytes=10_000_000)
        except ReportError as error:
            assert error.message.startswith("scan")  # noqa: PT017 - either outcome is right
        else:
            assert "\\x00" not in repr(report)
    assert time.monotonic() - started < SECONDS


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [before, *(place for key, item in members for place in places(item, (*before, key)))]


def replaced(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    if not place:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = replaced(copy[place[0]], place[1:], other)
    return copy


SETTINGS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("folder", FOLDERS)
@SETTINGS
@given(draw=st.data())
def test_bytes_put_in_taken_out_and_moved(data: Path, folder: str, draw: st.DataObject) -> None:
    content = draw.draw(st.sampled_from(contents(data / "scans" / folder)))
    for _ in range(draw.draw(st.integers(1, 3))):
        start = draw.draw(st.integers(0, len(content)))
        end = draw.draw(st.integers(start, min(len(content), start + 400)))
        piece = draw.draw(st.sampled_from((*BYTES, content[start:end] * 2, content[end : end + 50])))
        content = content[:start] + piece + content[end:]
    check(content)


JSON_FOLDERS = [
    one for one in FOLDERS if one not in ("dependency_check", "openvas", "tenable", "osv_scanner")
]


@cache
def documents(folder: Path) -> list[tuple[Any, list[tuple[Any, ...]]]]:
    paths = [path for path in folder.iterdir() if path.suffix in (".json", ".sarif")]
    small = [path for path in sorted(paths) if 2 < path.stat().st_size < LARGEST] or sorted(paths)[:1]
    loaded = [json.loads(path.read_bytes()) for path in small]
    return [(document, places(document)) for document in loaded]


@pytest.mark.parametrize("folder", JSON_FOLDERS)
@SETTINGS
@given(draw=st.data())
def test_a_value_of_another_type_somewhere(data: Path, folder: str, draw: st.DataObject) -> None:
    document, known = draw.draw(st.sampled_from(documents(data / "scans" / folder)))
    check(json.dumps(replaced(document, draw.draw(st.sampled_from(known)), draw.draw(VALUES))).encode())
