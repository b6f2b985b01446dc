"""What a SIEM is told: OCSF 1.7, CEF and plain JSON, each true to its schema and to the ledger."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import canonical, formats
from audits.choices import Action, Outcome
from audits.siem import cef, ocsf, plain, syslog
from audits.siem.address import FORMATS
from audits.siem.ocsf_mapping import MAPPING
from audits.siem.record import HEADS, MAX_BYTES, PRODUCT_VERSION, Record
from audits.siem.rendering import render
from audits.siem.transport import Message
from audits.tree import leaf_hash
from tests.audits import ocsf_schema
from tests.audits.siem_receivers import body, counted

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
ID = "0197a000-0000-7000-8000-000000000001"
SEVERITIES = {"success": 0, "denied": 1, "failed": 2}


def record(action: str = "run.queued", **words: Any) -> Record:
    """A record as the ledger makes it; `words` go into the header, or are fields of the record."""
    fields = {
        name: words.pop(name) for name in ("payload", "actor_name", "withheld", "stream") if name in words
    }
    stream = fields.get("stream", "agent/one")
    header = {
        "v": 1, "id": ID, "time": formats.timestamp(AT), "stream": stream, "action": action,
        "actor": "person/p1", "object": "run/r1", "outcome": "success", "body": "00" * 32, "name": "11" * 32,
        **words,
    }  # fmt: skip
    seal = formats.seal_bytes(seq=41, stream_seq=7, previous=formats.EMPTY, sealed_at=AT)
    entry = formats.event_entry(canonical.dumps(header), seal)
    return Record(
        origin="example.org/ledger", seq=41, number=7, leaf=leaf_hash(entry).hex(), sealed_at=AT,
        entry=entry.decode(), header=header, **{"stream": stream, **fields},
    )  # fmt: skip


def heads() -> Record:
    seal = formats.seal_bytes(seq=41, stream_seq=7, previous=formats.EMPTY, sealed_at=AT)
    entry = formats.heads_entry(canonical.dumps({"count": 1, "root": "00"}), seal)
    return Record(
        origin="example.org/ledger", seq=41, stream="heads", number=7, leaf=leaf_hash(entry).hex(),
        sealed_at=AT, entry=entry.decode(), checkpoint="example.org/ledger\n42\nAAAA\n\n\u2014 k sig\n",
    )  # fmt: skip


def told(of: Record) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(ocsf.line(of))
    return parsed


# --- OCSF ---------------------------------------------------------------------------------------------
def test_every_action_has_a_mapping() -> None:
    """A new action fails here until `ocsf_mapping.MAPPING` says what it is."""
    assert set(MAPPING) == {HEADS, *Action.values}


@pytest.mark.parametrize("action", Action.values)
@pytest.mark.parametrize("outcome", Outcome.values)
@pytest.mark.parametrize("extra", [False, True], ids=["header", "payload"])
def test_every_event_is_what_the_schema_asks_for(action: str, outcome: str, extra: bool) -> None:  # noqa: FBT001
    words: dict[str, Any] = {}
    if extra:
        words = {
            "payload": {"text": "x", "deep": {"class_uid": 1}},
            "actor_name": "Olivia Owner",
            "policy": {"version": "3", "sha256": "ab" * 32},
            "frameworks": ["ISO27001"],
            "trace": "run/r1",
            "provenance": "cd" * 32,
            "evaluation": "e1",
        }
    assert ocsf_schema.faults(told(record(action, outcome=outcome, **words))) == []


def test_heads_are_a_heartbeat_with_their_checkpoint() -> None:
    event = told(heads())
    assert ocsf_schema.faults(event) == []
    assert (event["class_uid"], event["metadata"]["event_code"]) == (1008, HEADS)
    assert event["unmapped"]["checkpoint"].startswith("example.org/ledger\n42\n")


def test_what_is_not_in_the_table_is_told_all_the_same() -> None:
    event = told(record("something.new"))
    assert ocsf_schema.faults(event) == []
    assert (event["class_uid"], event["activity_id"]) == (6003, 99)


@pytest.mark.parametrize("action", Action.values)
def test_what_did_not_succeed_weighs_more(action: str) -> None:
    severity = {outcome: told(record(action, outcome=outcome))["severity_id"] for outcome in Outcome.values}
    assert severity["success"] < severity["denied"] <= 5
    assert severity["success"] < severity["failed"] <= 5


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.PERSON_ADDED, 300101),
        (Action.PERSON_DEACTIVATED, 300105),
        (Action.AGENT_REGISTERED, 300401),
        (Action.GRANT_ADDED, 300501),
        (Action.GRANT_ENDED, 300502),
        (Action.ELEVATION_STARTED, 300301),
        (Action.CREDENTIAL_USED, 300201),
        (Action.FUNCTION_CALLED, 600399),
        (Action.RISK_ASSESSED, 200301),
        (Action.FINDING_ASSESSED, 200401),
    ],
)
def test_the_class_of_what_a_soc_looks_for(action: Action, expected: int) -> None:
    assert told(record(action))["type_uid"] == expected


def test_place_time_and_origin_are_in_every_record() -> None:
    event = told(record(trace="run/r1"))
    ledger = event["unmapped"]["ledger"]
    assert event["time"] == int(AT.timestamp() * 1000)
    assert (ledger["seq"], ledger["stream"], ledger["stream_seq"]) == (41, "agent/one", 7)
    assert event["metadata"]["sequence"] == 41
    assert event["metadata"]["uid"] == ID
    assert event["metadata"]["version"] == ocsf_schema.VERSION
    assert event["metadata"]["log_name"] == "example.org/ledger"
    assert event["metadata"]["correlation_uid"] == "run/r1"
    assert leaf_hash(event["raw_data"].encode()).hex() == ledger["leaf"]


def test_the_version_told_is_the_products() -> None:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    assert tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"] == PRODUCT_VERSION


# --- All formats ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", FORMATS)
def test_names_and_payloads_are_told_only_where_they_were_asked_for(kind: Any) -> None:
    secret: dict[str, Any] = {"payload": {"secret": "Purple"}, "actor_name": "Olivia Owner"}
    assert b"Purple" in render(kind, record(**secret))
    assert b"Olivia" in render(kind, record(**secret))
    without = render(kind, record())
    assert b"payload" not in without
    assert b"suser" not in without


@pytest.mark.parametrize("kind", FORMATS)
def test_a_payload_that_is_too_long_is_left_out_and_says_so(kind: Any) -> None:
    line = render(kind, record(payload={"text": "x" * MAX_BYTES}))
    assert len(line) < 4096
    assert b"at most 65536 are sent" in line
    assert b"ledger" in line


@pytest.mark.parametrize("kind", FORMATS)
def test_the_longest_header_fits(kind: Any) -> None:
    line = render(kind, record(object="run/" + "=" * 7_000))
    assert len(line) <= MAX_BYTES


@pytest.mark.parametrize("kind", FORMATS)
def test_whoever_keeps_a_record_can_compute_its_leaf(kind: Any) -> None:
    for one in (record(object='run/"\\|=x'), heads()):
        line = render(kind, one)
        if kind == "ocsf":
            entry = json.loads(line)["raw_data"].encode()
        elif kind == "json":
            entry = canonical.dumps(json.loads(line)["entry"])
        else:
            entry = parsed_cef(line)[1]["cs3"].encode()
        assert leaf_hash(entry).hex() == one.leaf


# --- Hostile text ---------------------------------------------------------------------------------------
# What ends a line or a field somewhere, and what could begin a record.
NASTY = st.lists(
    st.one_of(
        st.sampled_from([
            "\n", "\r\n", "\r", "\x00", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1e", "|", "=",
            "\\n", '"', "]", "[", "<110>1 ", "CEF:0|a|b|c|d|e|9|", '{"class_uid":2004}', " outcome=success ",
            "\\", "100 <110>1 - - - - - - x", "\ufeff", " cn1=0", "\t", "é", "\U0001f600",
        ]),
        st.text(max_size=8),
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(name=NASTY, text=NASTY, key=st.from_regex(r"[a-z0-9_.]{1,12}", fullmatch=True), who=NASTY)
def test_hostile_text_forges_neither_a_record_nor_a_field(name: str, text: str, key: str, who: str) -> None:
    one = record(object=f"run/{name}", payload={key: text, "list": [text]}, actor_name=who)
    plainly = json.loads(_only_line(plain.line(one)))
    assert plainly["payload"] == {key: text, "list": [text]}
    assert plainly["entry"]["e"]["object"] == f"run/{name}"
    assert (plainly["seq"], plainly["action"], plainly["leaf"]) == (41, "run.queued", one.leaf)
    event = json.loads(_only_line(ocsf.line(one)))
    assert ocsf_schema.faults(event) == []
    assert (event["class_uid"], event["metadata"]["sequence"]) == (6003, 41)
    assert event["unmapped"]["payload"] == {key: text, "list": [text]}
    head, extension = parsed_cef(_only_line(cef.line(one)))
    harmless = record(payload={"key": "text"}, actor_name="who")
    assert head == parsed_cef(cef.line(harmless))[0]
    assert extension.keys() | {"suser"} == parsed_cef(cef.line(harmless))[1].keys()
    assert (extension["cn1"], extension["outcome"], extension["cs1"]) == ("41", "success", one.leaf)


@given(
    action=NASTY,
    host=NASTY,
    lines=st.lists(NASTY.map(lambda text: plain.line(record(object=text))), max_size=4),
)
def test_no_text_ends_a_syslog_message(action: str, host: str, lines: list[bytes]) -> None:
    messages = [Message(record(action), line) for line in lines]
    stream = b"".join(syslog.framed(syslog.frame(message, host)) for message in messages)
    received = counted(stream)
    assert [body(message) for message in received] == lines
    for message in received:
        assert HEADER(message), message


@given(value=NASTY)
def test_structured_data_is_closed_by_nothing_but_its_end(value: str) -> None:
    element = syslog.structured("origin", (("software", value), ("swVersion", "1")))
    assert re.fullmatch(r'\[origin software="(?:[^"\\\]]|\\["\\\]])*" swVersion="1"\]', element), element


HEADER = re.compile(  # RFC 5424, 6: PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA
    rb"<1(?:10|08)>1 2026-03-01T12:30:15\.123456Z [\x21-\x7e]{1,255} countersign - [\x21-\x7e]{1,32} "
    rb'\[origin software="Countersign" swVersion="[0-9.]+"\]\[meta sequenceId="42"\] '
).match


def _only_line(line: bytes) -> bytes:
    """By every reader's idea of what ends a line."""
    assert len(line.decode().splitlines()) == 1
    assert b"\0" not in line
    return line


def parsed_cef(line: bytes) -> tuple[list[str], dict[str, str]]:
    """As a careful receiver reads CEF:0: seven header fields, then keys before unescaped equal signs."""
    parts = re.split(r"((?:[^\\|]|\\.)*)\|", line.decode(), maxsplit=7)
    fields, rest = parts[1::2], parts[-1]
    assert len(fields) == 7
    assert fields[0] == "CEF:0"
    found: dict[str, str] = {}
    marks = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", _without_escapes(rest)))
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        value = rest[mark.end() : after.start() if after else len(rest)]
        assert mark[1] not in found, mark[1]
        found[mark[1]] = _unescaped(value)
    return fields, found


def _without_escapes(text: str) -> str:
    """The same length, with every escaped character made harmless."""
    return re.sub(r"\\.", "__", text)


def _unescaped(value: str) -> str:
    written = {"\\n": "\n", "\\r": "\r", "\\\\": "\\", "\\=": "="}
    return re.sub(r"\\.", lambda match: written[match[0]], value)
