import csv
import hashlib
import io
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine
from django.conf import LazySettings
from django.db import transaction

from agents.models import Person
from audits import evidence, keys, selectors
from audits.actor import Actor
from audits.bundle import lines
from audits.choices import Action, BundleKind
from audits.errors import Conflict, Denied, Invalid, NotFound
from audits.models import Bundle, Checkpoint, Entry, Event
from audits.services import bundles, sealing
from audits.services.ledger import record
from audits.tasks import build_bundle
from audits.verify import verify
from tests.audits.bundling import ask, build, unpack, verdict
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db
DAY = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BUNDLES_DIR = tmp_path / "bundles"
    monkeypatch.setattr(evidence, "_sources", [])


@pytest.fixture
def _three_days() -> None:
    """Two events of agent/one on each of three days, among those of others."""
    for day in range(3):
        with time_machine.travel(DAY + timedelta(days=day), tick=False):
            happen(2, stream="agent/one", frameworks=["sox"] if day == 1 else ())
            happen(3, stream="agent/two")
            sealing.seal()


# --- What is in it ------------------------------------------------------------------------------------
def test_a_whole_stream() -> None:
    happen(3, stream="agent/two")
    happen(5, stream="agent/one")
    bundle = build()
    assert (bundle.completeness, bundle.event_count) == ("stream", 5)
    files = unpack(bundle.path)
    assert list(files) == [
        "policy.txt", "rotations.txt", "checkpoint.txt", "entries/000000.ndjson", "bodies/000000.ndjson",
        "events.csv", "proof.bin", "streams.ndjson", "consistency.ndjson", "custody.json", "README.txt",
        "index.html", "report.pdf", "verify.py", "manifest.json", "manifest.sig",
    ]  # fmt: skip
    manifest = orjson.loads(files["manifest.json"])
    assert next(iter(manifest)) == "completeness"
    assert manifest["streams"] == [{"stream": "agent/one", "first": 1, "last": 5}]
    assert (manifest["events"], manifest["range"], manifest["presence"]) == (5, None, None)
    lines = files["entries/000000.ndjson"].splitlines()
    sealed = Entry.objects.filter(stream__in=("agent/one", "heads")).order_by("seq")
    assert lines == [sealing.exact_bytes(entry) for entry in sealed]
    code, words = verdict(bundle.path)
    assert code == 0, words
    assert "agent/one: nothing is left out between numbers 1 and 5, its end at" in words


def test_built_twice_from_the_same_state_it_is_the_same_file() -> None:
    """Which state that is, is fixed when the first builder of a request begins."""
    happen(4)
    one = build()
    first = one.path.read_bytes()
    happen(3, stream="agent/two")
    happen(2)
    sealing.seal_heads()
    Bundle.objects.update(state="queued")
    assert bundles.build(bundle_id=one.pk).path.read_bytes() == first
    assert build().sha256 != one.sha256


def test_two_requests_differ_in_custody_alone() -> None:
    happen(4)
    one, two = (unpack(build().path) for _ in range(2))
    differing = {name for name in one if one[name] != two[name]}
    assert differing == {"custody.json", "manifest.json", "manifest.sig"}


def test_what_others_did_is_not_in_it() -> None:
    happen(2, stream="agent/two", body={"secret": "of-another"}, object="run/of-another")
    happen(2)
    assert all(b"of-another" not in content for content in unpack(build().path).values())


@pytest.mark.usefixtures("_three_days")
@pytest.mark.parametrize(
    ("since", "until", "first", "last", "lines"),
    [
        (0, 1, 1, 2, [1, 2, 3]),
        (1, 2, 3, 4, [2, 3, 4, 5]),
        (2, 3, 5, 6, [4, 5, 6]),
        (1, None, 3, 6, [2, 3, 4, 5, 6]),
        (None, 1, 1, 2, [1, 2, 3]),
        (-5, -4, 1, 0, [1]),
        (8, 9, 7, 6, [6]),
    ],
)
def test_a_period_is_a_range_of_numbers_with_its_neighbours(
    since: int | None, until: int | None, first: int, last: int, lines: list[int]
) -> None:
    bundle = build(
        since=None if since is None else DAY + timedelta(days=since),
        until=None if until is None else DAY + timedelta(days=until),
    )
    files = unpack(bundle.path)
    manifest = orjson.loads(files["manifest.json"])
    assert manifest["streams"] == [{"stream": "agent/one", "first": first, "last": last}]
    assert manifest["events"] == last - first + 1
    *entries, _heads = map(orjson.loads, files["entries/000000.ndjson"].splitlines())
    assert [entry["s"]["n"] for entry in entries] == lines
    assert len(files["bodies/000000.ndjson"].splitlines()) == last - first + 1
    assert verdict(bundle.path)[0] == (3 if until and until > 2 else 0)  # the ledger knows of two days


@pytest.mark.usefixtures("_three_days")
def test_a_period_between_two_events_proves_that_there_was_nothing() -> None:
    bundle = build(since=DAY + timedelta(hours=1), until=DAY + timedelta(hours=2))
    manifest = orjson.loads(unpack(bundle.path)["manifest.json"])
    assert (manifest["streams"], manifest["events"]) == ([{"stream": "agent/one", "first": 3, "last": 2}], 0)
    assert verdict(bundle.path)[0] == 0


@pytest.mark.usefixtures("_three_days")
def test_a_framework_proves_presence_only() -> None:
    bundle = build(framework="sox")
    assert (bundle.completeness, bundle.event_count) == ("presence", 2)
    code, words = verdict(bundle.path)
    assert code == 3
    assert "Presence only" in words


@pytest.mark.usefixtures("_three_days")
def test_a_framework_within_a_period() -> None:
    bundle = build(framework="sox", since=DAY + timedelta(days=1), until=DAY + timedelta(days=2))
    assert (bundle.event_count, verdict(bundle.path)[0]) == (2, 3)
    requested = ask(framework="sox", until=DAY + timedelta(days=1))
    assert bundles.build(bundle_id=requested.pk).state == "failed"


def test_a_framework_that_no_event_names_is_refused() -> None:
    happen(1)
    requested = ask("agent/one", framework="sox")
    assert "there is nothing to prove" in bundles.build(bundle_id=requested.pk).error


def test_a_stream_without_events_is_refused() -> None:
    requested = ask("agent/none")
    bundle = bundles.build(bundle_id=requested.pk)
    assert (bundle.state, bundle.file_name) == ("failed", "")
    assert "has no events" in bundle.error
    assert Event.objects.get(action=Action.BUNDLE_BUILT).outcome == "failed"


def test_many_events_span_several_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINES_A_FILE", 4)
    monkeypatch.setattr(selectors, "CHUNK", 3)
    happen(4, stream="agent/two")
    happen(10)
    bundle = build()
    names = [name for name in unpack(bundle.path) if name.startswith("entries/")]
    assert names == ["entries/000000.ndjson", "entries/000001.ndjson", "entries/000002.ndjson"]
    assert verdict(bundle.path)[0] == 0


def test_the_table_is_readable_and_harmless_in_a_spreadsheet() -> None:
    villain = Actor(kind="person", id="1", name='=HYPERLINK("http://x","y"), "quoted"\nline')
    happen(1, actor=villain)
    bundle = build()
    [row] = csv.DictReader(io.StringIO(unpack(bundle.path)["events.csv"].decode(), newline=""))
    assert row["actor_name"] == "'" + villain.name
    assert (row["action"], row["actor"], row["number"]) == ("run.queued", "person/1", "1")
    assert verdict(bundle.path)[0] == 0


@pytest.mark.parametrize(
    "text", ["run/1", 'a "quoted"\\ one', "\x01\x08\n\x1f\x7f", "naïve \u2028 \U0001f600", "=1,2"]
)
def test_whatever_a_header_may_say_is_verified(text: str) -> None:
    actor = Actor(kind="agent", id=text, name=text)
    with transaction.atomic():
        record(
            stream="agent/one",
            action=Action.DECISION_MADE,
            actor=actor,
            object=text,
            body={"nested": [{"text": text}, 2**53 - 1, -1, True, None]},
            policy={"version": text, "sha256": text},
            evaluation=text,
            provenance=text,
            frameworks=[text, "sox"],
            trace=text,
        )
    bundle = build()
    assert verdict(bundle.path)[0] == 0
    [row] = csv.DictReader(io.StringIO(unpack(bundle.path)["events.csv"].decode(), newline=""))
    assert row["object"].removeprefix("'") == row["trace"].removeprefix("'") == text


def test_the_report_is_a_page_that_runs_nothing() -> None:
    happen(1, body={"text": "<script>alert(1)</script>"})
    page = unpack(build().path)["index.html"].decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "The one" in page


def test_the_readme_says_how_to_verify_and_does_not_escape() -> None:
    happen(1)
    requested = ask(subject="R&D's <agent>")
    text = unpack(bundles.build(bundle_id=requested.pk).path)["README.txt"].decode()
    assert "R&D's <agent>" in text
    assert "python verify.py THIS-FILE.zip --key KEY" in text
    assert str(keys.ledger_verifier()) in text


# --- What the rooms contribute ------------------------------------------------------------------------
class Source:
    def __init__(self, *artefacts: evidence.Artefact) -> None:
        self.artefacts = artefacts
        self.asked: list[evidence.Scope] = []

    def collect(self, scope: evidence.Scope) -> tuple[evidence.Artefact, ...]:
        self.asked.append(scope)
        return self.artefacts


CONTENT = b'{"what":"was approved"}'


def approval(content: bytes) -> tuple[str, evidence.Artefact]:
    digest = hashlib.sha256(content).hexdigest()
    return digest, evidence.Artefact(f"approvals/{digest}.json", content)


def test_artefacts_and_the_approvals_that_events_request() -> None:
    digest, requested = approval(CONTENT)
    _, other = approval(b"of another period")
    source = Source(evidence.Artefact("artefacts/b.json", b"{}"), requested, other, requested)
    evidence.register(source)
    evidence.register(source)
    happen(1, action=Action.APPROVAL_REQUESTED, body={"digest": digest})
    bundle = build(until=datetime(2100, 1, 1, tzinfo=UTC))
    assert source.asked == [evidence.Scope("agent/one", None, datetime(2100, 1, 1, tzinfo=UTC), "")]
    names = list(unpack(bundle.path))
    assert names[6:8] == ["artefacts/agent-one/b.json", f"approvals/{digest}.json"]
    code, words = verdict(bundle.path)
    assert code == 3, words
    assert "The period ends at 2100-01-01" in words
    assert "1 approved contents" in words


def test_a_document_that_was_attached_outside_the_scope_is_a_record() -> None:
    """No event in the bundle names it, so it does not stand among those that are proved."""
    digest, other = (hashlib.sha256(content).hexdigest() for content in (b"named", b"other"))
    evidence.register(
        Source(
            evidence.Artefact(f"documents/{digest}.txt", b"named"),
            evidence.Artefact(f"documents/{other}.txt", b"other"),
        )
    )
    happen(1, action=Action.DOCUMENT_ATTACHED, body={"sha256": digest})
    bundle = build()
    assert {f"documents/{digest}.txt", f"artefacts/agent-one/documents/{other}.txt"} <= unpack(
        bundle.path
    ).keys()
    code, words = verdict(bundle.path)
    assert (code, "1 attached documents are the ones" in words) == (0, True), words


def failure() -> str:
    requested = ask("agent/one")
    bundle = bundles.build(bundle_id=requested.pk)
    assert bundle.state == "failed"
    return bundle.error


def test_an_approval_that_nobody_has_is_refused() -> None:
    happen(1, action=Action.APPROVAL_REQUESTED, body={"digest": "ab" * 32})
    assert "names approvals/abab" in failure()


@pytest.mark.parametrize(
    "path", ["manifest.json", "artefacts/../x", "/etc/passwd", "artefacts/", "approvals/x.json"]
)
def test_an_artefact_cannot_take_another_place(path: str) -> None:
    evidence.register(Source(evidence.Artefact(path, b"x")))
    happen(1)
    assert "not a path for an artefact" in failure()


def test_two_artefacts_cannot_share_a_name() -> None:
    evidence.register(Source(evidence.Artefact("artefacts/a", b"1"), evidence.Artefact("artefacts/a", b"2")))
    happen(1)
    assert "Two different artefacts" in failure()


def test_a_missing_body_is_refused() -> None:
    [event] = happen(1)
    take_triggers_off()
    execute("DELETE FROM audits_body")
    assert f"The body of event {event.pk} (agent/one) is gone" in failure()


# --- Who, and how it goes -----------------------------------------------------------------------------
def test_an_auditor_requests_builds_and_downloads(aude: Person) -> None:
    happen(2)
    requested = bundles.request(actor=aude.actor, kind=BundleKind.AGENT, streams=["agent/one"], subject="One")
    assert requested.state == "queued"
    build_bundle(str(requested.pk))
    bundle = Bundle.objects.get()
    assert bundle.state == "ready"
    assert bundles.download(actor=aude.actor, bundle=bundle) == bundle.path
    assert stat.S_IMODE(bundle.path.stat().st_mode) == 0o600
    told = Event.objects.filter(stream=aude.actor.ref, object=f"bundle/{bundle.pk}").order_by("id")
    assert list(told.values_list("action", flat=True)) == [
        "bundle.requested", "bundle.built", "bundle.downloaded"
    ]  # fmt: skip
    assert not Event.objects.filter(stream="agent/one", action__startswith="bundle.").exists()


def test_the_story_of_a_bundle_about_oneself_is_told_elsewhere(aude: Person) -> None:
    happen(1, stream=aude.actor.ref)
    bundles.request(actor=aude.actor, kind=BundleKind.AGENT, streams=[aude.actor.ref], subject="Aude")
    assert Event.objects.get(action=Action.BUNDLE_REQUESTED).stream == "system"


def test_an_outsider_may_neither_request_nor_download(oscar: Person) -> None:
    happen(1)
    bundle = build()
    with pytest.raises(Denied, match="may not request bundles"):
        bundles.request(actor=oscar.actor, kind=BundleKind.AGENT, streams=["agent/one"], subject="One")
    with pytest.raises(Denied, match="may not download bundles"):
        bundles.download(actor=oscar.actor, bundle=bundle)
    refusals = Event.objects.filter(stream=oscar.actor.ref, outcome="denied").order_by("id")
    assert [event.action for event in refusals] == ["bundle.requested", "bundle.downloaded"]


def test_an_agent_may_not_take_evidence_out() -> None:
    agent = Actor(kind="agent", id="one", name="One")
    with pytest.raises(Denied, match="An agent may not"):
        bundles.request(actor=agent, kind=BundleKind.AGENT, streams=["agent/one"], subject="One")


def test_a_person_who_is_gone_may_not_request() -> None:
    gone = Actor(kind="person", id="019a1111-0000-7000-8000-000000000001", name="Gone")
    with pytest.raises(Denied, match="Gone may not"):
        bundles.request(actor=gone, kind=BundleKind.AGENT, streams=["agent/one"], subject="One")


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(Invalid, match="period is empty") as refusal:
        ask("agent/one", since=DAY, until=DAY)
    assert "until" in refusal.value.fields


def test_a_bundle_is_built_once() -> None:
    happen(1)
    bundle = build()
    with pytest.raises(Conflict, match="is ready"):
        bundles.build(bundle_id=bundle.pk)
    build_bundle(str(bundle.pk))
    assert Event.objects.filter(action=Action.BUNDLE_BUILT).count() == 1


def test_an_abandoned_build_is_taken_up_again() -> None:
    happen(1)
    requested = ask("agent/one")
    now = datetime.now(UTC)
    Bundle.objects.update(state="building", started_at=now, heard_at=now)
    with pytest.raises(Conflict, match="is building"):
        bundles.build(bundle_id=requested.pk)
    Bundle.objects.update(heard_at=now - timedelta(hours=1))
    assert bundles.build(bundle_id=requested.pk).state == "ready"


def test_an_unknown_bundle_is_not_found() -> None:
    with pytest.raises(NotFound, match="There is no bundle"):
        bundles.build(bundle_id="019a1111-0000-7000-8000-000000000001")


def test_a_bundle_that_is_not_ready_cannot_be_downloaded() -> None:
    requested = ask("agent/one")
    with pytest.raises(Conflict, match="is queued"):
        bundles.download(actor=TESTER, bundle=requested)


def test_a_file_that_was_changed_is_not_handed_out() -> None:
    happen(1)
    bundle = build()
    bundle.path.write_bytes(bundle.path.read_bytes() + b"\0")
    with pytest.raises(Conflict, match="changed or removed"):
        bundles.download(actor=TESTER, bundle=bundle)
    bundle.path.unlink()
    with pytest.raises(Conflict, match="changed or removed"):
        bundles.download(actor=TESTER, bundle=bundle)


def test_a_full_disk_leaves_a_reason_and_no_file(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audits.archive.Archive.close", full)
    happen(1)
    assert "No space left" in failure()
    assert list(Path(settings.BUNDLES_DIR).iterdir()) == []


def test_a_ledger_that_cannot_be_sealed_builds_nothing() -> None:
    happen(1)
    sealing.seal()
    take_triggers_off()
    Checkpoint.objects.update(note="nothing")
    assert "was not signed with the key in use" in failure()


# --- Verified without us ------------------------------------------------------------------------------
def test_the_verifier_in_the_bundle_runs_alone(tmp_path: Path, settings: LazySettings) -> None:
    happen(3)
    bundle = build()
    (tmp_path / "verify.py").write_bytes(unpack(bundle.path)["verify.py"])
    key = Path(settings.KEYS_DIR) / keys.LEDGER_VKEY
    alone = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", str(bundle.path), "--key", str(key)],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={},
    )  # fmt: skip
    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone.stdout.startswith("VERIFIED\n")


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    happen(1)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody_reads:
        alone = subprocess.run(
            [sys.executable, verify.__file__, str(build().path)],
            stdout=nobody_reads, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (alone.returncode, alone.stderr) == (3, "")


def test_a_key_from_inside_is_a_limit() -> None:
    happen(1)
    code, words = verdict(build().path, key=None)
    assert code == 3
    assert "The key came from the bundle itself" in words


def test_the_key_may_be_given_as_text() -> None:
    happen(1)
    assert verdict(build().path, key=str(keys.ledger_verifier()))[0] == 0


def test_another_key_fails(tmp_path: Path) -> None:
    happen(1)
    keys.create(tmp_path / "other")
    code, words = verdict(build().path, key=str(tmp_path / "other" / "ledger.vkey"))
    assert code == 1
    assert "policy.txt: it bears no signature of the key" in words


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    happen(1)
    bundle = build()
    (tmp_path / "text").write_text("no bundle at all")
    for arguments in (
        (tmp_path / "absent", str(keys.ledger_verifier())),
        (tmp_path / "text", str(keys.ledger_verifier())),
        (bundle.path, str(tmp_path / "absent")),
        (bundle.path, str(tmp_path / "text")),
    ):
        code, words = verdict(arguments[0], key=arguments[1])
        assert code == 2, words
        assert words.startswith("UNREADABLE: ")


def test_a_known_checkpoint_is_compared(tmp_path: Path) -> None:
    happen(1)
    bundle = build()
    kept = tmp_path / "kept.txt"
    kept.write_text(Checkpoint.objects.get(size=bundle.checkpoint_size).note)
    assert verdict(bundle.path, "--known-checkpoint", str(kept))[0] == 0
    other = sealing.checkpoint_text(keys.seal().name, bundle.checkpoint_size, b"\1" * 32)
    kept.write_text(keys.seal().sign(other))
    code, words = verdict(bundle.path, "--known-checkpoint", str(kept))
    assert (code, "The ledger was rewritten" in words) == (1, True)
    kept.write_text(keys.seal().sign(other.replace(f"\n{bundle.checkpoint_size}\n", "\n1\n")))
    code, words = verdict(bundle.path, "--known-checkpoint", str(kept))
    assert (code, "holds no proof" in words) == (3, True)
