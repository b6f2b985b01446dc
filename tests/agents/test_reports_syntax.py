"""XML, CSV and archives: what is hostile or broken is refused in a sentence that says how to mend it."""

import gzip
import io
import json
import time
import zipfile

import pytest

from agents.choices import ReportFormat
from agents.reports import reading, shape, table, tree
from agents.reports.shape import ReportError

LIMIT = 20_000_000
NESSUS = b"<NessusClientData_v2><Report name='x'>%s</Report></NessusClientData_v2>"
BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<bom><name>&c;</name></bom>"""
EXTERNAL = b"""<!DOCTYPE bom [<!ENTITY x SYSTEM "file:///etc/passwd">]><bom><name>&x;</name></bom>"""
OUTSIDE = b"""<!DOCTYPE bom SYSTEM "http://127.0.0.1:1/evil.dtd"><bom/>"""
HEADER = b"Plugin ID,CVE,Risk,Host,Port,Name\n"


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("report.json"), content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (BOMB, "remove the DOCTYPE"),
        (EXTERNAL, "remove the DOCTYPE"),
        (OUTSIDE, "remove the DOCTYPE"),
        (b"<bom>" * 101 + b"</bom>" * 101, "nested deeper than 100 levels"),
        (b"<a>" * 1_000_000, "nested deeper than 100 levels"),
        (b"<bom><a></bom>", "not readable as XML: mismatched tag"),
        (b"<bom>", "not readable as XML: no element found"),
        (b"<bom>\xff</bom>", "not readable as XML"),
        (b"<bom a='1' a='2'/>", "duplicate attribute"),
        (b"<?xml version='1.0' encoding='klingon'?><bom/>", "not readable as XML"),
        (b"<bom>\x00</bom>", "not readable as XML"),
        (b"<html><body>Sign in</body></html>", "of no known format"),
        (zipped(b"0" * 5_000_000), "it is a ZIP archive, and nothing is unpacked here: unpack it first"),
        (gzip.compress(b"{}", mtime=0), "compressed with gzip"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"\xfd7zXZ\x00", "compressed with xz"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[" * 1_000_000, "nested deeper than 100 levels"),
        (b"\xff\xfe\x00\x00[\x00\x00\x00", "UTF-32"),
        (HEADER + b'1,,High,h,80,"a', "not readable as CSV"),
        (HEADER + b'1,,High,h,80,"a"b\n', "not readable as CSV"),
        (HEADER + b"1,,High,h,80,a,b\n", "a row of 7 fields under a header of 6"),
        (HEADER + b"1,,High,h,80,\xff\n", "Save it as UTF-8"),
        (HEADER.replace(b"CVE", b"Risk") + b"1,,High,h,80,a\n", "'Risk' occurs twice"),
        (b"a,b,c\n1,2,3\n", "of no known format"),
    ],
)
def test_refused_clearly_and_at_once(content: bytes, problem: str) -> None:
    started = time.monotonic()
    with pytest.raises(ReportError) as caught:
        reading.read("scan.xml", content, max_bytes=LIMIT)
    assert problem in caught.value.message
    assert caught.value.message.startswith("scan.xml")
    assert time.monotonic() - started < 5


def test_too_many_elements_rows_and_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_ELEMENTS", 10)
    with pytest.raises(ReportError, match="more than 10 elements"):
        reading.read("a", NESSUS % (b"<ReportHost/>" * 10), max_bytes=LIMIT)
    monkeypatch.setattr(table, "MOST_ROWS", 10)
    with pytest.raises(ReportError, match="more than 10 rows"):
        reading.read("a", HEADER + b"1,,High,h,80,a\n" * 11, max_bytes=LIMIT)
    monkeypatch.setattr(shape, "MOST_FINDINGS", 3)
    found = [{"name": "a", "version": "1", "vulns": [{"id": str(one)} for one in range(4)]}]
    with pytest.raises(ReportError, match="more than 3 findings"):
        reading.read("a", json.dumps(found).encode(), max_bytes=LIMIT)


def test_a_field_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    long = b"x" * (table.LONGEST_FIELD + 1)
    with pytest.raises(ReportError, match="field larger than field limit"):
        reading.read("a", HEADER + b"1,,High,h,80," + long, max_bytes=LIMIT)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    csv = (HEADER.decode() + "1,CVE-2024-0001,High,h,80,é 漢\n").encode(encoding)
    found, report = reading.read("a", csv, max_bytes=LIMIT)
    assert (found, report.findings[0].title) == (ReportFormat.NESSUS, "é 漢")
    item = (
        "<ReportHost name='h'><ReportItem port='1' severity='2' pluginID='1' pluginName='é 漢'/></ReportHost>"
    )
    xml = NESSUS.decode() % item
    found, report = reading.read("a", xml.encode(encoding), max_bytes=LIMIT)
    assert (found, report.findings[0].title) == (ReportFormat.NESSUS, "é 漢")


def test_an_empty_file_is_a_report_only_where_its_format_says_so() -> None:
    assert reading.read("a", b"", named="osv-scanner", max_bytes=LIMIT)[1].findings == ()
    for named in ("auto", "trivy"):
        with pytest.raises(ReportError, match="the file is empty"):
            reading.read("a", b"", named=named, max_bytes=LIMIT)


def test_other_names_of_formats() -> None:
    for named in ("nessus", "tenable"):
        assert reading.read("a", NESSUS % b"", named=named, max_bytes=LIMIT)[0] == ReportFormat.NESSUS
