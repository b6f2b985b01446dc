"""What is read from a `cve` object, and files of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.nvd import mirror, records
from agents.nvd.mirror import MirrorError
from agents.nvd.records import RecordError

VECTORS = {
    "cvssMetricV40": ("4.0", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"),
    "cvssMetricV31": ("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    "cvssMetricV30": ("3.0", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    "cvssMetricV2": ("2.0", "AV:N/AC:L/Au:N/C:P/I:P/A:P"),
}


def metric(key: str, score: float, kind: str = "Primary", source: str = "nvd@nist.gov") -> dict[str, Any]:
    version, vector = VECTORS[key]
    data: dict[str, Any] = {"version": version, "vectorString": vector, "baseScore": score}
    severity = {"baseSeverity": "HIGH"}
    inside = {} if key == "cvssMetricV2" else severity
    outside = severity if key == "cvssMetricV2" else {}
    return {"source": source, "type": kind, "cvssData": {**data, **inside}, **outside}


def cve(name: str = "CVE-2024-0001", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "lastModified": "2024-02-01T00:00:00.000",
        "published": "2024-01-01T00:00:00.000",
        "vulnStatus": "Analyzed",
        "descriptions": [{"lang": "es", "value": "Malo."}, {"lang": "en", "value": "Bad."}],
        **more,
    }


def test_facts() -> None:
    got = records.facts(
        cve(
            metrics={"cvssMetricV31": [metric("cvssMetricV31", 10)]},
            weaknesses=[
                {"description": [{"value": "NVD-CWE-noinfo"}, {"value": "CWE-79"}]},
                {"description": [{"value": "CWE-79"}, {"value": "CWE-80"}]},
            ],
            references=[{"url": "javascript:alert(1)"}, *({"url": f"https://a/{n}"} for n in range(9))],
            cisaExploitAdd="2024-01-05",
        ),
        source="test",
    )
    assert (got.cve_id, got.description, got.status) == ("CVE-2024-0001", "Bad.", "Analyzed")
    assert (got.cvss_version, got.cvss_score, got.severity) == ("3.1", "10.0", "high")
    assert (got.cwes, got.kev, got.kev_added) == (["CWE-79", "CWE-80"], True, "2024-01-05")
    assert got.references == [f"https://a/{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("metrics", "version", "score"),
    [
        ({key: [metric(key, 7.0)] for key in reversed(VECTORS)}, "4.0", "7.0"),
        ({"cvssMetricV40": [metric("cvssMetricV40", 1, "Secondary", "cna")],
          "cvssMetricV2": [metric("cvssMetricV2", 7.5)]}, "2.0", "7.5"),
        ({"cvssMetricV31": [metric("cvssMetricV31", 1, source="cna"), metric("cvssMetricV31", 2)]},
         "3.1", "2.0"),
        ({"cvssMetricV30": [metric("cvssMetricV30", 5.5, "Secondary", "cna")]}, "3.0", "5.5"),
        ({"ssvcV203": [{"type": "Primary", "cvssData": {"vectorString": "x", "baseScore": 9}}]}, "", ""),
        ({}, "", ""),
    ],
)  # fmt: skip
def test_metric_preference(metrics: dict[str, Any], version: str, score: str) -> None:
    got = records.facts(cve(metrics=metrics), source="")
    assert (got.cvss_version, got.cvss_score) == (version, score)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        cve("CVE-24-1"),
        cve(lastModified=None),
        cve(descriptions="Bad."),
        cve(metrics=[1]),
    ],
)
def test_what_is_no_record_is_refused(broken: Any) -> None:
    with pytest.raises(RecordError):
        records.facts(broken, source="")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
                    st.sampled_from(["cvssMetricV31", "cvssData", "baseScore", "value", "url"]),
                    inner, max_size=3,
                ),
                max_leaves=8,
            )
            for key in ("metrics", "weaknesses", "references", "descriptions", "cisaExploitAdd", "id")
        },
    )
)  # fmt: skip
def test_nothing_but_its_own_error(more: dict[str, Any]) -> None:
    try:
        got = records.facts(cve(**{key: value for key, value in more.items() if key != "id"}), source="")
    except RecordError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
    else:
        assert got.cve_id == "CVE-2024-0001"


TWO = [cve(), cve("CVE-2024-0002")]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"totalResults": 2, "vulnerabilities": [{"cve": one} for one in TWO]}),
        json.dumps(TWO, indent=1),
        "\n".join(json.dumps(one) for one in TWO),
        "\n\n".join(json.dumps({"cve": one}) for one in TWO) + "\n",
    ],
)
def test_files_in_each_shape(content: str) -> None:
    assert [one["id"] for one in mirror.read("nvd.json", content.encode())] == [
        "CVE-2024-0001",
        "CVE-2024-0002",
    ]


def test_a_file_with_one_record() -> None:
    assert [one["id"] for one in mirror.read("nvd.json", json.dumps(cve()).encode())] == ["CVE-2024-0001"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "nvd.json: the file is empty"),
        ("nonsense", "nvd.json: Expecting value, line 1 column 1"),
        ('{"vulnerabilities": []}', "nvd.json: there is no record in it"),
        ('{"vulnerabilities": 7}', "nvd.json: not NVD records"),
        ('{"results": []}', "nvd.json: not NVD records"),
        (json.dumps([cve(), {"id": "x"}]), "nvd.json: record 2: `id` is not a CVE id: 'x'"),
        (json.dumps([cve(), cve(descriptions=None)]), "nvd.json: record 2: CVE-2024-0001 has no list"),
        (json.dumps(cve()) + "\n" + '{"cve": {}}', "nvd.json: line 2: `id` is not a CVE id"),
        (json.dumps(cve()) + "\n{oops", "nvd.json: line 2 column 2: Expecting property name"),
        ('{"vulnerabilities": [{"cve": {"id": NaN}}]}', "nvd.json: NaN is not JSON, line 1 column 37"),
    ],
)
def test_a_malformed_file_is_named_with_its_record(content: str, message: str) -> None:
    with pytest.raises(MirrorError) as caught:
        mirror.read("nvd.json", content.encode())
    assert str(caught.value).startswith(message)
