"""Real records of NVD are read as they should be."""

import json
from pathlib import Path

from agents.nvd import mirror, records


def test_records(data: Path) -> None:
    lines = (data / "nvd" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 204
    for case in map(json.loads, lines):
        got, expect = records.facts(case["cve"], source="test"), case["expect"]
        assert (got.cve_id, got.status) == (expect["id"], expect["vulnStatus"])
        assert (got.published, got.last_modified) == (expect["published"], expect["lastModified"])
        assert got.description == (expect["description_en"] or "")
        assert set(got.cwes) == set(expect["cwes"]), got.cve_id
        assert got.kev_added == (expect["kev"] or {}).get("cisaExploitAdd", "")
        metric = expect["nvd_primary_metric"] or expect["newest_version_metric"]
        if metric is None:
            assert (got.cvss_score, got.cvss_vector, got.severity) == ("", "", "")
        else:
            assert (got.cvss_version, got.cvss_vector) == (metric["version"], metric["vector"])
            assert float(got.cvss_score) == metric["score"]
            assert got.severity == metric["severity"].lower()


def test_the_file_itself_is_a_mirror(data: Path) -> None:
    loaded = mirror.read("records.jsonl", (data / "nvd" / "records.jsonl").read_bytes())
    assert len(loaded) == 204
