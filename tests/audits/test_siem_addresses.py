"""`COUNTERSIGN_SIEM`: what it takes, what it refuses, and that no secret of it is ever shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from audits.siem import address
from audits.siem.address import parse_all
from portal.environment import Environment
from tests.audits.siem_receivers import SECRET

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "name", "transport", "where"),
    [
        ("ocsf+syslog+tls://siem.example:6515", "=", "syslog+tls", ("siem.example", 6515)),
        ("ocsf+syslog+tls://siem.example", "=", "syslog+tls", ("siem.example", 6514)),
        ("cef+syslog+tcp://127.0.0.1:1514", "=", "syslog+tcp", ("127.0.0.1", 1514)),
        ("json+syslog+tcp://[::1]:1514", "=", "syslog+tcp", ("::1", 1514)),
        ("json+syslog+tcp://localhost", "=", "syslog+tcp", ("localhost", 601)),
        ("json+http://127.0.0.1:8088/hook", "=", "http", ("127.0.0.1", 0)),
        (
            "ocsf+https://me:hunter2@siem.example:8443/hook?token=hunter2",
            "ocsf+https://siem.example:8443/hook",
            "https",
            ("siem.example", 0),
        ),
    ],
)
def test_addresses(text: str, name: str, transport: str, where: tuple[str, int]) -> None:
    (sink,) = parse_all([text])
    assert sink.name == (text if name == "=" else name)
    assert (sink.transport, (sink.host, sink.port), sink.payload) == (transport, where, False)
    assert sink.format == text.partition("+")[0]
    assert "hunter2" not in repr(sink)


def test_a_file() -> None:
    (sink,) = parse_all(["json+file:///var/log/with%20space.ndjson"])
    assert sink.path == Path("/var/log/with space.ndjson")
    assert sink.name == "json+file:///var/log/with%20space.ndjson"


def test_the_payload_is_asked_for_and_what_else_a_query_holds_goes_along() -> None:
    (sink,) = parse_all(["ocsf+https://u:p@siem.example/hook?token=a%2Cb&payload=1"])
    assert sink.payload
    assert sink.url == "https://u:p@siem.example/hook?token=a%2Cb"
    (syslog,) = parse_all(["cef+syslog+tls://siem.example?payload=1"])
    assert syslog.payload
    assert syslog.name == "cef+syslog+tls://siem.example"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("siem.example:6514", "must begin with one of ocsf\\+, cef\\+, json\\+"),
        ("leef+syslog+tls://siem.example", "must begin with one of"),
        ("ocsf+syslog+udp://siem.example:514", "UDP loses records"),
        ("ocsf+syslog://siem.example", "needs one of syslog\\+tls"),
        ("ocsf+ftp://siem.example", "needs one of syslog\\+tls"),
        ("ocsf+syslog+tls://", "names no host"),
        ("ocsf+syslog+tls://siem.example:99999", "not a URL"),
        ("ocsf+syslog+tls://siem.example:x", "not a URL"),
        ("ocsf+syslog+tls://[siem]", "not (a URL|an IPv6 address)"),
        ("ocsf+syslog+tls://sie m", "not a host name"),
        ("ocsf+syslog+tls://user:hunter2@siem.example", "no user name and password"),
        ("ocsf+syslog+tls://siem.example/hunter2", "no path"),
        ("ocsf+syslog+tls://siem.example?token=hunter2", "options are payload=1"),
        ("ocsf+syslog+tls://siem.example#hunter2", "fragment"),
        ("ocsf+syslog+tls://siem.example?payload=yes", "payload is 0"),
        ("ocsf+syslog+tls://siem.example?close=maybe", "close is notify"),
        ("ocsf+syslog+tcp://siem.example?close=eof", "options are payload=1"),
        ("ocsf+http://siem.example/hook?token=hunter2", "this machine alone"),
        ("ocsf+http://10.0.0.1/hook", "this machine alone"),
        ("json+file://var/log/x", "absolute path and no host"),
        ("json+file:///", "absolute path"),
        ("json+file:///var/log/\u00e9", "printable ASCII"),
        ("json+file:///" + "x" * 300, "longer than 300"),
    ],
)
def test_a_malformed_address_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"COUNTERSIGN_SIEM, address 2: .*{words}") as refusal:
        parse_all(["json+file:///var/log/first", text])
    assert "hunter2" not in str(refusal.value)


def test_a_sink_has_one_place_in_the_ledger() -> None:
    with pytest.raises(ImproperlyConfigured, match="named twice"):
        parse_all(["ocsf+https://siem.example/hook?token=a", "ocsf+https://siem.example/hook?token=b"])


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_***", SECRET.removeprefix("whsec_")]
)
def test_a_webhook_needs_a_secret_that_is_one(secret: str) -> None:
    sinks = parse_all(["ocsf+https://siem.example/hook"])
    address.check_secret(sinks, SECRET)
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_SIEM_WEBHOOK_SECRET"):
        address.check_secret(sinks, secret)


def test_without_a_webhook_no_secret_is_needed() -> None:
    address.check_secret(parse_all(["json+file:///var/log/x"]), "")


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    there = tmp_path / "ca.pem"
    there.write_text("x", encoding="ascii")
    name = "COUNTERSIGN_SIEM_CA_FILE"
    assert Environment({name: str(there)}).file(name) == there.resolve()
    assert Environment({}).file(name) is None
    with pytest.raises(ImproperlyConfigured, match=r"COUNTERSIGN_SIEM_CA_FILE.*is there"):
        Environment({name: str(tmp_path / "absent")}).file(name)


def test_the_process_stops_at_a_malformed_address(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "COUNTERSIGN_DATA_DIR": str(tmp_path),
            "COUNTERSIGN_SECRET_KEY": "k" * 50,
            "COUNTERSIGN_SIEM": "ocsf+syslog+udp://me:hunter2@siem.example",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "COUNTERSIGN_SIEM, address 1: syslog over UDP loses records" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
