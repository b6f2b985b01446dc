"""What reading reports costs: findings a second and memory by format, as ratios to `json.loads`.

`python benchmarks/reports.py --megabytes 100`. The floor of a JSON format is `json.loads` over the same
bytes, which checks nothing; that of XML is the standard library's tree. Nothing touches a database.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).parents[1]))

from measuring import Row, measured, paired, show

from agents.reports import reading

TARGET = 0.33
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
TEXT = "An attacker can do what they should not be able to do. " * 10


def trivy(number: int) -> object:
    return {
        "VulnerabilityID": f"CVE-2024-{1000 + number}",
        "PkgName": f"package-{number % 5000}",
        "PkgIdentifier": {"PURL": f"pkg:npm/package-{number % 5000}@1.0"},
        "InstalledVersion": "1.0",
        "FixedVersion": "1.1",
        "Severity": "HIGH",
        "Title": TEXT[:80],
        "Description": TEXT,
        "References": [f"https://example.org/{number}/{one}" for one in range(8)],
        "CVSS": {"nvd": {"V3Vector": VECTOR, "V3Score": 9.8}},
        "CweIDs": ["CWE-79"],
    }


def cyclonedx(number: int) -> object:
    return {
        "id": f"CVE-2024-{1000 + number}",
        "ratings": [{"method": "CVSSv31", "severity": "critical", "score": 9.8, "vector": VECTOR}],
        "cwes": [79],
        "description": TEXT,
        "advisories": [{"url": f"https://example.org/{number}/{one}"} for one in range(8)],
        "affects": [{"ref": f"pkg:npm/package-{number % 5000}@1.0"}],
    }


def nessus(number: int) -> str:
    return (
        f"<ReportItem port='443' severity='3' pluginID='{number}' pluginName='Plugin {number}'>"
        f"<cve>CVE-2024-{1000 + number}</cve><cvss3_vector>{VECTOR}</cvss3_vector><solution>s</solution>"
        f"<description>{TEXT}</description><synopsis>Weak.</synopsis></ReportItem>"
    )


def in_json(entry: Callable[[int], object], around: Callable[[list[object]], object], size: int) -> bytes:
    count = size // len(json.dumps(entry(1)))
    return json.dumps(around([entry(number) for number in range(count)])).encode()


def documents(size: int) -> Iterator[tuple[str, bytes, Callable[[bytes], object]]]:
    yield (
        "trivy",
        in_json(trivy, lambda found: {"ArtifactName": "a", "Results": [{"Vulnerabilities": found}]}, size),
        json.loads,
    )
    yield (
        "cyclonedx",
        in_json(cyclonedx, lambda found: {"bomFormat": "CycloneDX", "vulnerabilities": found}, size),
        json.loads,
    )
    items = "".join(nessus(number) for number in range(size // len(nessus(1))))
    host = f"<ReportHost name='h'>{items}</ReportHost>"
    tree = f"<NessusClientData_v2><Report>{host}</Report></NessusClientData_v2>"
    yield "nessus", tree.encode(), ET.fromstring


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=10, help="how large each report is")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows: list[Row] = []
    for name, content, floor in documents(options.megabytes * 1_000_000):

        def read(content: bytes = content) -> int:
            return len(reading.read("report", content, max_bytes=2**31)[1].findings)

        cost, memory = measured(read, 1)
        findings = read()
        speed = findings / cost * 1e6
        print(f"{name}: {speed:,.0f} findings a second, {memory:,.0f} MiB for {options.megabytes} MB")
        rows.append(
            paired(
                f"{name}, {findings} findings",
                f"{floor.__module__}.{floor.__name__}",
                TARGET,
                ours=read,
                floor=lambda content=content, floor=floor: floor(content),  # type: ignore[misc]
                events=findings,
                rounds=options.rounds,
            )
        )
    show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
