"""What bundles can be about, and what each proves of what is not in it."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pypdf
import pytest
import time_machine
from django.conf import LazySettings

from audits import evidence, keys
from audits.actor import Actor
from audits.archive import Archive
from audits.bundle import lines, readable
from audits.choices import BundleKind, BundlePhase
from audits.errors import Invalid
from audits.evidence import Artefact, Missing, Scope
from audits.models import Bundle, Entry
from audits.services import anchoring, bundles, sealing
from tests.audits.bundling import ask, build, pack, unpack, verdict
from tests.audits.happenings import TESTER, happen
from tests.audits.outside import timestamping, witnessing

pytestmark = pytest.mark.django_db
DAY = datetime(2027, 3, 1, tzinfo=UTC)
ANNA = Actor(kind="person", id="0195e3a0-0000-7000-8000-00000000000a", name="Anna")


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BUNDLES_DIR = tmp_path / "bundles"
    monkeypatch.setattr(evidence, "_sources", [])


@pytest.fixture
def _days() -> None:
    """On each of four days two events of each of two agents, one event of Anna, and one that Anna did."""
    for day in range(4):
        with time_machine.travel(DAY + timedelta(days=day), tick=False):
            happen(2, stream="agent/one", frameworks=["sox"] if day % 2 else ["iso", 'so"x,'])
            happen(2, stream="agent/two")
            happen(1, stream=ANNA.ref)
            happen(1, stream="agent/two", actor=ANNA, frameworks=["sox"])
            sealing.seal_heads() if day == 1 else sealing.seal()


def manifest_of(bundle: Bundle) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(unpack(bundle.path)["manifest.json"])
    return found


def seqs(bundle: Bundle) -> list[int]:
    return [
        orjson.loads(line)["s"]["q"] for line in unpack(bundle.path)["entries/000000.ndjson"].splitlines()
    ]


@pytest.mark.usefixtures("_days")
@pytest.mark.parametrize(("since", "until"), [(None, None), (1, 3), (None, 2), (2, None), (9, 10), (-2, -1)])
def test_a_period_is_every_entry_of_the_ledger(since: int | None, until: int | None) -> None:
    bundle = build(
        kind="period",
        since=None if since is None else DAY + timedelta(days=since),
        until=None if until is None else DAY + timedelta(days=until),
    )
    said = manifest_of(bundle)
    low, high = said["range"]["low"], said["range"]["high"]
    inside = Entry.objects.filter(seq__lt=bundle.checkpoint_size - 1)
    if since is not None:
        inside = inside.filter(sealed_at__gte=DAY + timedelta(days=since))
    if until is not None:
        inside = inside.filter(sealed_at__lt=DAY + timedelta(days=until))
    assert list(range(low, high)) == list(inside.order_by("seq").values_list("seq", flat=True))
    assert seqs(bundle) == sorted({*range(max(low - 1, 0), high + 1), bundle.checkpoint_size - 1})
    assert (bundle.completeness, bundle.event_count) == ("range", inside.exclude(event=None).count())
    code, words = verdict(bundle.path)
    assert code == (3 if until == 10 else 0), words  # nothing is known yet of the day after tomorrow
    assert f"entries {low} to {high - 1}: nothing is left out" in words


@pytest.mark.usefixtures("_days")
def test_a_person_is_their_stream_and_their_presence_elsewhere() -> None:
    bundle = build(ANNA.ref, kind="person")
    said = manifest_of(bundle)
    assert said["streams"] == [{"stream": ANNA.ref, "first": 1, "last": 4}]
    assert said["presence"] == {"party": ANNA.ref, "framework": None, "streams": None}
    assert (bundle.completeness, bundle.event_count) == ("mixed", 8)
    code, words = verdict(bundle.path)
    assert code == 3, words
    assert "Of events in other streams presence only" in words
    assert f"{ANNA.ref}: nothing is left out between numbers 1 and 4" in words


@pytest.mark.usefixtures("_days")
def test_a_person_within_a_period() -> None:
    bundle = build(ANNA.ref, kind="person", since=DAY + timedelta(days=1), until=DAY + timedelta(days=3))
    assert (bundle.event_count, verdict(bundle.path)[0]) == (4, 3)


@pytest.mark.usefixtures("_days")
def test_a_framework_anywhere_or_with_one_agent() -> None:
    assert build(kind="framework", framework="sox").event_count == 8
    one = build("agent/one", kind="framework", framework="sox")
    odd = build(kind="framework", framework='so"x,')
    for bundle, count in ((one, 4), (odd, 4)):
        assert (bundle.completeness, bundle.event_count) == ("presence", count)
        assert verdict(bundle.path)[0] == 3


@pytest.mark.usefixtures("_days")
def test_a_case_is_several_complete_streams_in_a_period() -> None:
    bundle = build(
        "agent/two",
        ANNA.ref,
        "agent/none",
        kind="case",
        since=DAY + timedelta(days=1),
        until=DAY + timedelta(2),
    )
    assert manifest_of(bundle)["streams"] == [
        {"stream": "agent/two", "first": 4, "last": 6},
        {"stream": ANNA.ref, "first": 2, "last": 2},
    ]
    code, words = verdict(bundle.path)
    assert (code, bundle.event_count) == (0, 4), words


def test_what_does_not_belong_to_a_kind_is_refused() -> None:
    for kind, about, words in (
        ("agent", {"streams": []}, "one agent"),
        ("agent", {"streams": ["agent/a", "agent/b"]}, "one agent"),
        ("person", {"streams": []}, "one person"),
        ("period", {"streams": ["agent/a"]}, "name no stream"),
        ("framework", {}, "Name the framework"),
        ("case", {}, "names no streams"),
        ("person", {"streams": [ANNA.ref], "framework": "sox"}, "does not narrow"),
    ):
        with pytest.raises(Invalid, match=words):
            bundles.request(actor=TESTER, kind=BundleKind(kind), subject="X", **about)


def test_many_pairs_are_one_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINES_A_FILE", 7)
    happen(30)
    happen(11, stream="agent/two")
    for scope in ({"kind": "period"}, {"kind": "agent"}):
        bundle = build(**scope)
        assert "entries/000004.ndjson" in unpack(bundle.path)
        code, words = verdict(bundle.path)
        assert code == 0, words


# --- What is missing ------------------------------------------------------------------------------------
class Incomplete:
    def collect(self, scope: Scope) -> list[Artefact | Missing]:
        return [Missing(f"Data-flow map of {scope.stream}: none is attached.")]


def test_what_is_missing_is_named_first_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence.register(Incomplete())
    happen(1)
    bundle = build()
    sentence = "Data-flow map of agent/one: none is attached."
    assert bundle.incomplete == [sentence]
    files = unpack(bundle.path)
    assert list(manifest_of(bundle))[:2] == ["completeness", "incomplete"]
    assert manifest_of(bundle)["incomplete"] == [sentence]
    readme = files["README.txt"].decode()
    assert readme.index(sentence) < readme.index("WHAT IT PROVES")
    assert sentence in files["index.html"].decode()
    code, words = verdict(bundle.path)
    assert code == 3
    assert words.index(sentence) < words.index("Proved")


def test_custody_says_who_asked_and_what_it_was_built_with() -> None:
    happen(1)
    bundle = build()
    said = orjson.loads(unpack(bundle.path)["custody.json"])
    assert (said["bundle"], said["requested_by"]) == (str(bundle.pk), TESTER.ref)
    assert said["state"]["entries"] == bundle.checkpoint_size
    assert said["built_with"]["countersign"] in Path("pyproject.toml").read_text()


# --- Progress -------------------------------------------------------------------------------------------
def test_progress_is_said_while_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int]] = []
    monkeypatch.setattr(bundles, "SAYS_SO_EVERY", 0.0)
    append = Archive.append

    def look(archive: Archive, packer: Any) -> Any:
        row = Bundle.objects.get()
        seen.append((row.phase, row.done, row.total))
        return append(archive, packer)

    monkeypatch.setattr(Archive, "append", look)
    happen(3)
    build()
    phases = {phase for phase, _, _ in seen}
    assert phases == set(BundlePhase) - {BundlePhase.GATHERING, BundlePhase.RECORDS}
    assert (BundlePhase.WRITING, 0, 4) in seen


def test_a_builder_that_was_taken_for_dead_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "SAYS_SO_EVERY", 0.0)
    append = Archive.append

    def somebody_else_begins(archive: Archive, packer: Any) -> Any:
        Bundle.objects.update(started_at=datetime.now(UTC))
        return append(archive, packer)

    happen(3)
    requested = ask()
    with monkeypatch.context() as patch:
        patch.setattr(Archive, "append", somebody_else_begins)
        assert bundles.build(bundle_id=requested.pk).state == "building"
    Bundle.objects.update(heard_at=datetime.now(UTC) - timedelta(hours=1))
    assert bundles.build(bundle_id=requested.pk).state == "ready"


# --- Anchors --------------------------------------------------------------------------------------------
def test_receipts_from_outside_are_checked_or_left_to_the_reader(
    tmp_path: Path, settings: LazySettings
) -> None:
    with (
        witnessing(keys.ledger_verifier(), tmp_path) as (witness_at, witness),
        timestamping(tmp_path / "tsa") as (authority_at, authority),
    ):
        settings.ANCHORS = [f"file://{tmp_path}/checkpoints.log", witness_at, authority_at]
        settings.ANCHOR_TSA_ROOTS = str(authority.roots)
        happen(3)
        sealing.seal()
        anchoring.publish()
    happen(2)
    bundle = build()
    witness_key = str(witness.key.verifier)
    code, words = verdict(bundle.path, "--witness", witness_key)
    assert code == 0, words
    assert "The witness witness.example cosigned 3 entries at " in words
    assert "compare anchors/01-file/line.json with what is there" in words
    assert "openssl ts -verify -data anchors/02-" in words or "openssl ts -verify -data anchors/03-" in words
    code, words = verdict(bundle.path)
    assert (code, "give the witness's key" in words) == (0, True)
    files = unpack(bundle.path)
    receipt = next(path for path in files if path.endswith("cosignature.txt"))
    dash, name, blob = files[receipt].decode().split(" ")
    forged = f"{dash} {name} {blob[:30]}{'A' if blob[30] != 'A' else 'B'}{blob[31:]}".encode()
    code, words = verdict(pack(files | {receipt: forged}, tmp_path / "forged.zip"), "--witness", witness_key)
    assert (code, "cosignature" in words) == (1, True)
    for path in [path for path in files if path.endswith("/checkpoint.txt")]:
        other = keys.seal().sign(sealing.checkpoint_text(keys.seal().name, 3, b"\1" * 32)).encode()
        code, words = verdict(pack(files | {path: other}, tmp_path / "forged.zip"))
        assert (code, "does not lead to this one" in words) == (1, True)


# --- Pages for people -------------------------------------------------------------------------------------
def test_the_pdf_shows_what_events_say_as_text() -> None:
    hostile = '#panic("x") $a$ *bold* @label `raw` <b> \\ // /*'
    happen(2, actor=Actor(kind="person", id="1", name=hostile), object="#sys.version")
    content = unpack(build(subject=f"#{{1+1}} {hostile}").path)["report.pdf"]
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    shown = "".join(text.split())
    for said in ('#panic("x")', "*bold*", "@label", "`raw`", "#sys.version", "#{1+1}"):
        assert said in shown


def test_the_pages_list_only_so_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readable, "ROWS_IN_PAGE", 2)
    monkeypatch.setattr(readable, "ROWS_IN_PDF", 2)
    happen(5)
    files = unpack(build().path)
    assert "The first 2 of 5 events" in files["index.html"].decode()
    text = pypdf.PdfReader(io.BytesIO(files["report.pdf"])).pages[0].extract_text()
    assert "The first 2 of 5 events" in " ".join(text.split())
