"""Promise 11: a bundle is verified without us, and neither alteration nor omission passes.

The forger here holds the export key, so every digest and the manifest's signature are in order; what
they lack is the sealing key.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine
from django.conf import LazySettings

from audits import canonical, evidence, keys, selectors
from audits.bundle.contents import policy
from audits.choices import Action
from audits.evidence import Artefact, Scope
from audits.models import Bundle, Checkpoint, Event
from audits.services import sealing
from audits.verify import verify
from tests.audits.bundling import build, pack, unpack, verdict
from tests.audits.happenings import happen

pytestmark = pytest.mark.django_db
ENTRIES, BODIES = "entries/000000.ndjson", "bodies/000000.ndjson"
APPROVED = b'{"what":"was approved"}'
APPROVAL = f"approvals/{hashlib.sha256(APPROVED).hexdigest()}.json"
DAY = datetime(2027, 3, 1, tzinfo=UTC)


class Approvals:
    def collect(self, scope: Scope) -> list[Artefact]:  # noqa: ARG002 - the protocol's
        return [Artefact(APPROVAL, APPROVED), Artefact("artefacts/records.json", b"[]")]


@pytest.fixture
def bundle(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """Seven events of agent/one, the fourth requests an approval, among those of others."""
    settings.BUNDLES_DIR = tmp_path / "bundles"
    monkeypatch.setattr(evidence, "_sources", [Approvals()])
    digest = hashlib.sha256(APPROVED).hexdigest()
    for number in range(7):
        with time_machine.travel(DAY + timedelta(days=number), tick=False):
            happen(2, stream="agent/two")
            if number == 3:
                happen(1, action=Action.APPROVAL_REQUESTED, body={"digest": digest})
            else:
                happen(1)
            sealing.seal()
    made = build()
    assert verdict(made.path)[0] == 0
    return made


@pytest.fixture
def fails(bundle: Bundle, tmp_path: Path) -> Callable[..., str]:
    """Pack forged files, and give what the verifier says; it must fail."""

    def check(files: dict[str, bytes], **manifest: Any) -> str:
        code, words = verdict(pack(files, tmp_path / "forged.zip", manifest=manifest))
        assert code == 1, words
        assert words.startswith("WRONG: ")
        return words

    return check


def test_packing_it_again_unchanged_still_verifies(bundle: Bundle, tmp_path: Path) -> None:
    code, words = verdict(pack(unpack(bundle.path), tmp_path / "same.zip"))
    assert code == 0, words


# --- Omission -----------------------------------------------------------------------------------------
def without(files: dict[str, bytes], *left_out: int) -> dict[str, bytes]:
    """Leave out the events of these numbers everywhere, with a proof that leads to the true root."""
    lines = files[ENTRIES].splitlines(keepends=True)
    kept = [line for line in lines if orjson.loads(line)["s"]["n"] not in left_out or b'{"h"' in line[:5]]
    gone = {orjson.loads(line)["e"]["id"] for line in lines if line not in kept}
    bodies = [
        line for line in files[BODIES].splitlines(keepends=True) if orjson.loads(line)["id"] not in gone
    ]
    rows = [row for row in files["events.csv"].splitlines(keepends=True) if row[-38:-2].decode() not in gone]
    numbers = [orjson.loads(line)["s"]["q"] for line in kept]
    proof = b"".join(selectors.proof_hashes(max(numbers) + 1, numbers))
    assert len(rows) == len(bodies) + 1
    return files | {
        ENTRIES: b"".join(kept),
        BODIES: b"".join(bodies),
        "events.csv": b"".join(rows),
        "proof.bin": proof,
    }


def said(
    *, events: int = 6, since: str | None = None, until: str | None = None, **part: int
) -> dict[str, Any]:
    """What a forged manifest says of the seven events."""
    return {
        "events": events,
        "streams": [{"stream": "agent/one", "first": 1, "last": 7} | part],
        "period": {"since": since, "until": until},
    }


def test_leaving_one_event_out(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    words = fails(without(files, 3), **said())
    assert "number 4 comes after 2: something is left out" in words


def test_leaving_the_first_event_out(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    assert "number 2 comes after 0" in fails(without(files, 1), **said())
    words = fails(without(files, 1), **said(first=2))
    assert "number 2 comes after 0" in words


def test_leaving_the_last_event_out(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    assert "cut short" in fails(without(files, 7), **said())
    assert "cut short" in fails(without(files, 7), **said(last=6))


def test_leaving_the_end_out_and_saying_that_it_ended_earlier(
    bundle: Bundle, fails: Callable[..., str]
) -> None:
    files = without(unpack(bundle.path), 7)
    end = orjson.loads(files["streams.ndjson"])
    last = files[ENTRIES].splitlines()[5]
    end["head"] = {"n": 6, "leaf": hashlib.sha256(b"\0" + last).hexdigest()}
    files["streams.ndjson"] = canonical.dumps(end) + b"\n"
    assert "signed heads" in fails(files, **said(last=6))


def test_claiming_a_narrower_range_than_the_period(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    words = fails(without(files, 7), **said(last=5, events=5))
    assert "wrong side of the period" in words


def test_claiming_another_period(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    moment = "2027-03-03T00:00:00.000000Z"
    for claim in (said(events=7, since=moment), said(events=7, until=moment)):
        assert "wrong side of the period" in fails(files, **claim)


def test_leaving_the_heads_out(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    lines = files[ENTRIES].splitlines(keepends=True)[:-1]
    numbers = [orjson.loads(line)["s"]["q"] for line in lines]
    proof = b"".join(selectors.proof_hashes(bundle.checkpoint_size, numbers))
    words = fails(files | {ENTRIES: b"".join(lines), "proof.bin": proof})
    assert "the last entry is not the signed heads" in words


# --- Alteration ---------------------------------------------------------------------------------------
def altered(files: dict[str, bytes], path: str, old: bytes, new: bytes) -> dict[str, bytes]:
    assert old in files[path]
    return files | {path: files[path].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        (ENTRIES, b'"outcome":"success"', b'"outcome":"denied"', "line 2: it does not follow number 1"),
        (ENTRIES, b'"q":2,', b'"q":1,', "line 2: it does not follow number 1"),
        (ENTRIES, b'"n":2,', b'"n":3,', "number 3 of agent/one comes after 3"),
        (ENTRIES, b'"v":1}', b'"v":2}', "line 1: not canonical JSON of an entry"),
        (ENTRIES, b'"outcome":', b'"more":"1","outcome":', "line 1: not canonical JSON of an entry"),
        (ENTRIES, b'"p":"0000', b'"p":"1000', "does not follow number 1"),
        (ENTRIES, b'"e":', b'"e": ', "line 1: not canonical JSON"),
        (ENTRIES, b"agent/one", b"agent/two", "the bundle is not about this event"),
        (ENTRIES, b'"h":{"count":3', b'"h":{"count":4', "do not belong to the signed tree"),
        (BODIES, b'"number":0', b'"number":1', "not the one that the event committed to"),
        (BODIES, b'"body_salt":"', b'"body_salt":"00', "not the one that the event committed to"),
        (BODIES, b'"name":"tester"', b'"name":"Tester"', "not the one that the event committed to"),
        (BODIES, b'"name_salt":"', b'"name_salt":"00', "not the one that the event committed to"),
        (BODIES, b"\n", b"\n\n", "bodies/"),
        ("events.csv", b"success", b"denied", "events.csv is not the table"),
        ("events.csv", b"seq", b"SEQ", "events.csv"),
        ("streams.ndjson", b'"index":0', b'"index":1', "signed heads"),
        ("streams.ndjson", b'"n":7', b'"n":8', "signed heads"),
        ("checkpoint.txt", b"23", b"24", "checkpoint.txt: the signature"),
        ("policy.txt", b"bundles ", b"bundles x", "policy.txt: "),
        (APPROVAL, b"approved", b"rejected", "does not have the digest in its name"),
    ],
)
def test_altering_a_file(
    bundle: Bundle, fails: Callable[..., str], *, path: str, old: bytes, new: bytes, words: str
) -> None:
    assert words in fails(altered(unpack(bundle.path), path, old, new))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (ENTRIES, "entries/000000.ndjson is missing"),
        (BODIES, "bodies/000000.ndjson is missing"),
        ("proof.bin", "proof.bin is missing"),
        ("rotations.txt", "rotations.txt is missing"),
        ("consistency.ndjson", "consistency.ndjson is missing"),
        ("events.csv", "events.csv"),
        ("streams.ndjson", "streams.ndjson is missing"),
        ("policy.txt", "policy.txt is missing"),
        ("checkpoint.txt", "checkpoint.txt is missing"),
        (APPROVAL, "is missing"),
    ],
)
def test_leaving_a_file_out(bundle: Bundle, fails: Callable[..., str], path: str, words: str) -> None:
    files = unpack(bundle.path)
    del files[path]
    assert words in fails(files)


@pytest.mark.parametrize("path", ["approvals/{}.json", "assessments/{}.json", "documents/{}.html"])
def test_adding_what_nobody_requested_or_attached(
    bundle: Bundle, fails: Callable[..., str], path: str
) -> None:
    content = b'{"what":"never was"}'
    path = path.format(hashlib.sha256(content).hexdigest())
    assert "no event of this bundle requests, signs or attaches it" in fails(
        unpack(bundle.path) | {path: content}
    )


def test_a_bundle_about_nothing(bundle: Bundle, fails: Callable[..., str]) -> None:
    """The last heads alone, of a level that sounds complete."""
    files = without(unpack(bundle.path), *range(1, 8)) | {"streams.ndjson": b""}
    del files[APPROVAL]
    assert "it is about nothing" in fails(files, **(said(events=0) | {"streams": []}))


def test_two_paths_that_are_one_on_some_machines(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    assert "EVENTS.csv is in the ZIP twice" in fails(files | {"EVENTS.csv": files["events.csv"]})
    for path in ("events.csv.", "artefacts/one./records.json"):
        assert "which no bundle contains" in fails(files | {path: b""})


@pytest.mark.parametrize("number", ["7e0", "7.0", "-0", "1" * 17])
def test_a_number_has_one_form(bundle: Bundle, tmp_path: Path, number: str) -> None:
    forged = pack(
        unpack(bundle.path),
        tmp_path / "forged.zip",
        rewrite=lambda said: said.replace(b'"events":7', b'"events":' + number.encode()),
    )
    code, words = verdict(forged)
    assert (code, "manifest.json: malformed" in words) == (1, True), words


def test_a_key_of_small_order_signs_nothing() -> None:
    """With the neutral point for a key, this signature of nobody fits any text; with the others, some."""
    order_eight = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
    low = [
        bytes([1]) + bytes(31),
        (verify.P - 1).to_bytes(32, "little"),
        bytes(32),
        bytes.fromhex(order_eight),
    ]
    signature = bytes([1]) + bytes(63)
    for key in low:
        assert verify._point(key)
        assert not any(verify.ed25519_verifies(key, b"%d" % text, signature) for text in range(16))


@pytest.mark.parametrize("kind", ["person", "period", "framework", "anything"])
def test_claiming_another_kind(bundle: Bundle, fails: Callable[..., str], kind: str) -> None:
    files = unpack(bundle.path)
    assert f"about agent/one is not one of the kind '{kind}'" in fails(files, kind=kind)


def test_whose_bundle_it_is_stands_beside_what_it_is_called(bundle: Bundle, tmp_path: Path) -> None:
    forged = pack(unpack(bundle.path), tmp_path / "forged.zip", manifest={"subject": "Another"})
    assert 'It is about agent/one; the manifest calls that "Another".' in verdict(forged)[1]


def test_a_period_that_ends_after_what_is_proved(bundle: Bundle, tmp_path: Path) -> None:
    assert "  - What is proved ends at 2027-03-07T00:00:00.000000Z" in verdict(bundle.path)[1]
    period = {"since": None, "until": "2099-01-01T00:00:00.000000Z"}
    forged = pack(unpack(bundle.path), tmp_path / "forged.zip", manifest={"period": period})
    code, words = verdict(forged)
    assert (code, "The period ends at 2099-01-01" in words) == (3, True), words


def test_it_is_said_that_no_earlier_checkpoint_was_compared(bundle: Bundle, tmp_path: Path) -> None:
    files = unpack(bundle.path) | {"consistency.ndjson": b""}
    code, words = verdict(pack(files, tmp_path / "forged.zip"))
    assert (code, "No earlier checkpoint was compared" in words) == (0, True), words


def test_the_order_of_the_files(bundle: Bundle, tmp_path: Path) -> None:
    """What can be moved freely can carry a message, or make two files of one bundle."""
    files = unpack(bundle.path)

    def reverse(manifest: bytes) -> bytes:
        told = orjson.loads(manifest)
        return orjson.dumps(told | {"files": told["files"][::-1]})

    code, words = verdict(pack(files, tmp_path / "forged.zip", rewrite=reverse))
    assert (code, "in another order than the manifest" in words) == (1, True), words


def test_a_further_signature(bundle: Bundle, fails: Callable[..., str]) -> None:
    files = unpack(bundle.path)
    for path in ("policy.txt", "checkpoint.txt"):
        more = files[path] + "\u2014 nobody AAAAAAAA\n".encode()
        assert f"{path}: it bears another signature than it should" in fails(files | {path: more})


def test_a_leaf_that_imitates_a_node(bundle: Bundle, fails: Callable[..., str]) -> None:
    """Two hashes in place of an entry: 01 before nodes, 00 before leaves keeps them apart."""
    files = unpack(bundle.path)
    lines = files[ENTRIES].split(b"\n")
    lines[0] = hashlib.sha256(b"left").digest() + hashlib.sha256(b"right").digest()
    assert "line 1: not canonical JSON" in fails(files | {ENTRIES: b"\n".join(lines)})


def test_a_checkpoint_of_another_state(bundle: Bundle, fails: Callable[..., str]) -> None:
    older = Checkpoint.objects.get(size=3).note.encode()
    assert "does not fit the manifest" in fails(unpack(bundle.path) | {"checkpoint.txt": older})


def test_all_keys_swapped(bundle: Bundle, tmp_path: Path, settings: LazySettings) -> None:
    """A bundle of an invented ledger, in order throughout: only the key from outside tells."""
    own = str(keys.ledger_verifier())
    files = unpack(bundle.path)
    settings.KEYS_DIR = tmp_path / "invented"
    keys.create(tmp_path / "invented")
    files["policy.txt"] = policy().encode()
    text = files["checkpoint.txt"].decode().split("\n\n")[0] + "\n"
    files["checkpoint.txt"] = keys.seal().sign(text).encode()
    forged = pack(files, tmp_path / "forged.zip")
    assert verdict(forged, key=None)[0] == 3
    code, words = verdict(forged, key=own)
    assert code == 1
    assert "policy.txt: it bears no signature of the key" in words


def test_a_manifest_signed_by_another_key(bundle: Bundle, tmp_path: Path, settings: LazySettings) -> None:
    own, files = settings.KEYS_DIR, unpack(bundle.path)
    keys.create(tmp_path / "other")
    settings.KEYS_DIR = tmp_path / "other"
    forged = pack(files, tmp_path / "forged.zip")
    settings.KEYS_DIR = own
    code, words = verdict(forged)
    assert (code, "manifest.sig: it bears no signature" in words) == (1, True)


def test_a_changed_manifest(bundle: Bundle, tmp_path: Path) -> None:
    content = bundle.path.read_bytes()
    for old, new in ((b'"subject": "The one"', b'"subject": "The two"'), (b'"events": 7', b'"events": 6')):
        assert old in content
        (tmp_path / "changed.zip").write_bytes(content.replace(old, new))
        code, words = verdict(tmp_path / "changed.zip")
        assert (code, "manifest.json" in words) == (1, True), words


# --- What the holder of the sealing key could do --------------------------------------------------------
@pytest.mark.parametrize(("stream", "number"), [("agent/two", 16), ("agent/new", 5)])
@pytest.mark.usefixtures("bundle")
def test_a_number_is_skipped_in_a_range(monkeypatch: pytest.MonkeyPatch, stream: str, number: int) -> None:
    know = sealing._Batch.know

    def skip(batch: sealing._Batch, streams: Iterable[str]) -> None:
        know(batch, streams)
        batch.ends[stream] = batch.ends.get(stream, sealing._End(0, 0, bytes(32)))._replace(number=number - 1)

    happen(1, stream=stream)
    with monkeypatch.context() as patch:
        patch.setattr(sealing._Batch, "know", skip)
        sealing.seal()
    code, words = verdict(build(kind="period").path)
    assert (code, f"{stream}: number {number} comes after" in words) == (1, True), words


@pytest.mark.usefixtures("bundle")
def test_heads_that_do_not_fit_what_is_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = list(sealing._checked_heads())
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "_checked_heads", lambda: heads[:1])
        sealing.seal_heads()
    happen(1)
    code, words = verdict(build(kind="period").path)
    assert (code, "the heads are not where the streams before them end" in words) == (1, True), words


@pytest.mark.parametrize("scope", [{"kind": "period"}, {"kind": "case", "streams": ["agent/one", "system"]}])
@pytest.mark.usefixtures("bundle")
def test_what_was_pruned_is_there(scope: dict[str, Any]) -> None:
    said: dict[str, Any] = {"low": 0, "high": 4, "root": "00" * 32, "streams": []}
    happen(1, stream="system", action=Action.SEGMENT_PRUNED, body=said)
    code, words = verdict(build(**scope).path)
    assert (code, "entries 0 to 3 were pruned: one is there" in words) == (1, True), words


@pytest.mark.usefixtures("bundle")
def test_an_event_from_after_its_sealing() -> None:
    """A clock was wrong, perhaps; it is for the reader to judge."""
    with time_machine.travel(DAY + timedelta(days=30), tick=False):
        happen(1)
    sealing.seal()
    code, words = verdict(build().path)
    assert (code, "1 events have a time after their sealing" in words) == (3, True), words


# --- History ------------------------------------------------------------------------------------------
class History:
    """One row of history, for the last event of agent/one; `claim` changes what its file says."""

    def __init__(self, record: dict[str, Any], claim: dict[str, Any]) -> None:
        self.record, self.claim = record, claim

    def collect(self, scope: Scope) -> list[Artefact]:
        event = Event.objects.filter(stream=scope.stream).latest("id")
        row = {"event": str(event.pk), "digest": canonical.digest(self.record), "record": self.record}
        content: dict[str, Any] = {"model": "agents.agent", "id": "1", "rows": [row | self.claim]}
        return [Artefact("history/agents.agent/1.json", canonical.dumps(content))]


@pytest.mark.parametrize(
    ("claim", "code", "words"),
    [
        ({}, 0, "1 rows of history are the ones that the events name"),
        ({"record": {"number": 2}}, 1, "a row does not have its digest"),
        ({"record": {"number": 2}, "digest": canonical.digest({"number": 2})}, 1, "commits to no row"),
        ({"event": "of another scope"}, 0, "1 rows of history are of events whose payload is not here"),
    ],
)
def test_history_is_what_the_event_committed_to(
    tmp_path: Path,
    settings: LazySettings,
    monkeypatch: pytest.MonkeyPatch,
    *,
    claim: dict[str, Any],
    code: int,
    words: str,
) -> None:
    settings.BUNDLES_DIR = tmp_path / "bundles"
    record = {"number": 1}
    monkeypatch.setattr(evidence, "_sources", [History(record, claim)])
    committed = {"model": "agents.agent", "id": "1", "digest": canonical.digest(record)}
    happen(1, body={"history": [committed]})
    found, said = verdict(build().path)
    assert (found, words in said) == (code, True), said


# --- Damage -------------------------------------------------------------------------------------------
def test_no_flipped_byte_passes_and_each_is_named(bundle: Bundle, tmp_path: Path) -> None:
    content = bundle.path.read_bytes()
    damaged = tmp_path / "damaged.zip"
    for offset in range(0, len(content), 89):
        damaged.write_bytes(
            content[:offset] + bytes([content[offset] ^ 1 << offset % 8]) + content[offset + 1 :]
        )
        code, words = verdict(damaged)
        assert code in {1, 2}, f"byte {offset}: {words}"
        named = any(path in words for path in [*unpack(bundle.path), "ZIP"])
        assert named, f"byte {offset}: {words}"


def test_a_file_cut_short_does_not_pass(bundle: Bundle, tmp_path: Path) -> None:
    content = bundle.path.read_bytes()
    for size in (0, 1, 29, 300, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.zip").write_bytes(content[:size])
        assert verdict(tmp_path / "cut.zip")[0] in {1, 2}


def test_a_member_that_unpacks_to_more_than_it_says(bundle: Bundle) -> None:
    """What the signed digests do not stop, the sizes do: nothing is held whole while it is inflated."""
    checked = verify.Bundle(bundle.path)
    checked.verify()
    member, row = checked.members["proof.bin"], checked.listed["proof.bin"]
    with bundle.path.open("rb") as file, pytest.raises(verify.Wrong, match=r"proof.bin: it does not have"):
        list(verify.content(file, member._replace(size=3), row | {"size": 3}))
