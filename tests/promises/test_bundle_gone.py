"""Promises 11 and 13: what is erased or pruned is explained in a bundle, and a false explanation is found."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine
from django.conf import LazySettings

from agents.models import Person
from audits import canonical, evidence, keys, permissions, selectors, subject_keys
from audits.choices import KeyPurpose
from audits.errors import Denied
from audits.models import Checkpoint
from audits.services import bundles, erasure, key_rotation, pruning, sealing
from audits.verify import verify
from tests.audits.bundling import ask, build, pack, unpack, verdict
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db(transaction=True)
BODIES, ENTRIES = "bodies/000000.ndjson", "entries/000000.ndjson"


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BUNDLES_DIR = tmp_path / "bundles"
    settings.SUBJECT_KEYS_DIR = tmp_path / "subjects"
    settings.LEDGER_SEAL_INLINE = False
    monkeypatch.setattr(evidence, "_sources", [])


@pytest.fixture
def fails(tmp_path: Path) -> Callable[..., str]:
    def check(files: dict[str, bytes], *options: str, **manifest: Any) -> str:
        code, words = verdict(pack(files, tmp_path / "forged.zip", manifest=manifest), *options)
        assert code == 1, words
        return words

    return check


def erase(person: Person) -> None:
    erasure.erase(actor=TESTER, subject=f"person/{person.pk}", reason="request under\nArticle 17")


# --- Erased ---------------------------------------------------------------------------------------------
def test_what_was_erased_is_a_fact_with_its_reason(oscar: Person) -> None:
    happen(2, actor=oscar.actor)
    happen(2)
    happen(2, stream=oscar.actor.ref)
    erase(oscar)
    for scope in ({}, {"kind": "period"}, {"kind": "case", "streams": ["agent/one", oscar.actor.ref]}):
        bundle = build(**scope)
        code, words = verdict(bundle.path)
        assert code == 0, words
        assert f"payloads or names of {oscar.actor.ref}: erased" in words
        assert '"request under\\nArticle 17"' in words
        assert all(b"Oscar" not in content for content in unpack(bundle.path).values())


def test_withholding_a_body_is_not_erasing_it(oscar: Person, fails: Callable[..., str]) -> None:
    """The key of somebody who was erased cannot have boxed what others did."""
    happen(1, actor=oscar.actor)
    happen(1)
    erase(oscar)
    files = unpack(build().path)
    first, second, *others = map(orjson.loads, files[BODIES].splitlines())
    for key, words in (
        (first["name_key"], "was under no key of agent/one"),
        (
            subject_keys.digest_of("agent/one").hex() + "0" * 8,
            "no event after them says that a key was destroyed",
        ),
        (None, "the body is missing, and no redaction after it explains it"),
    ):
        withheld = second | {"body": None, "body_salt": None} | ({"body_key": key} if key else {})
        forged = b"".join(canonical.dumps(line) + b"\n" for line in (first, withheld, *others))
        assert words in fails(files | {BODIES: forged})


def test_leaving_the_explanation_out(oscar: Person, fails: Callable[..., str]) -> None:
    happen(2, actor=oscar.actor)
    erase(oscar)
    bundle = build()
    files = unpack(bundle.path)
    lines = [line for line in files[ENTRIES].splitlines() if b"subject.erased" not in line]
    places = [orjson.loads(line)["s"]["q"] for line in lines]
    forged = files | {
        ENTRIES: b"".join(line + b"\n" for line in lines),
        BODIES: b"".join(files[BODIES].splitlines(keepends=True)[: len(lines) - 1]),
        "proof.bin": b"".join(selectors.proof_hashes(bundle.checkpoint_size, places)),
    }
    assert "no event after them says that a key was destroyed" in fails(forged)


def test_a_redacted_body_is_explained_and_its_neighbour_cannot_borrow_it(fails: Callable[..., str]) -> None:
    one, _, _ = happen(3)
    sealing.seal()
    erasure.redact(actor=TESTER, events=[one.pk], reason="a password was in it")
    bundle = build()
    code, words = verdict(bundle.path)
    assert code == 0, words
    assert "1 bodies: redacted" in words or "2 bodies: redacted" in words
    files = unpack(bundle.path)
    rows = [orjson.loads(line) for line in files[BODIES].splitlines()]
    rows[1] |= {"body": None, "body_salt": None}
    forged = b"".join(canonical.dumps(row) + b"\n" for row in rows)
    assert "no redaction after it explains it" in fails(files | {BODIES: forged})


@pytest.mark.parametrize("place", [3, 4])
def test_an_explanation_is_sealed_after_what_it_explains(place: int) -> None:
    """Else a key that was destroyed once would excuse whatever is withheld from then on."""
    key = subject_keys.digest_of("person/one").hex() + "0" * 8
    said = {
        "subject.erased": {"subject": "person/one", "keys": [key], "reason": ""},
        "body.redacted": {"events": ["that"], "reason": ""},
    }
    for action, payload in said.items():
        gone = verify.Gone()
        gone.explain({"id": "this", "action": action}, payload, 3)
        by = {"id": "that", "stream": "person/one", "actor": "person/one"}
        gone.note("body", key if action == "subject.erased" else None, by, place)
        with pytest.raises(verify.Wrong, match=r"after (it|them)"):
            gone.check({})
        gone.explain({"id": "this", "action": action}, payload, 5)
        gone.check({})


def test_an_explanation_is_not_gone_itself(fails: Callable[..., str]) -> None:
    event = happen(1)[0]
    sealing.seal()
    erasure.redact(actor=TESTER, events=[event.pk], reason="a password was in it")
    files = unpack(build().path)
    rows = [orjson.loads(line) for line in files[BODIES].splitlines()]
    rows[-1] |= {"body": None, "body_salt": None}
    forged = b"".join(canonical.dumps(row) + b"\n" for row in rows)
    assert "explains what is gone, and is gone itself" in fails(files | {BODIES: forged})


def test_who_explained_something_may_be_erased_too(oscar: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    happen(1)
    one = happen(1)[0]
    sealing.seal()
    with monkeypatch.context() as patch:
        patch.setattr(permissions, "why_not_redact", lambda _actor: "")
        erasure.redact(actor=oscar.actor, events=[one.pk], reason="a password was in it")
    erase(oscar)
    code, words = verdict(build().path)
    assert (code, f"payloads or names of {oscar.actor.ref}: erased" in words) == (0, True), words


def test_an_erasure_next_to_the_period_has_its_body(oscar: Person) -> None:
    """It explains nothing that is in the bundle; it shows where the period ends."""
    begin = datetime(2027, 3, 1, tzinfo=UTC)
    plays: list[Callable[[], object]] = [
        lambda: happen(1, actor=oscar.actor),
        lambda: happen(3),
        lambda: erase(oscar),
    ]
    for day, play in enumerate(plays):
        with time_machine.travel(begin + timedelta(days=day), tick=False):
            play()
            sealing.seal()
    scope = {"since": begin + timedelta(days=1), "until": begin + timedelta(days=2)}
    code, words = verdict(build(kind="period", **scope).path)
    assert code == 0, words


def test_an_attempt_that_was_refused_explains_nothing(oscar: Person) -> None:
    """It is recorded under the same action, and is an event like any other."""
    happen(1)
    with pytest.raises(Denied):
        erasure.redact(actor=oscar.actor, events=[happen(1)[0].pk], reason="no right to")
    with pytest.raises(Denied):
        pruning.prune(actor=oscar.actor)
    for scope in ({"kind": "period"}, {"kind": "case", "streams": ["agent/one", "system"]}):
        code, words = verdict(build(**scope).path)
        assert code == 0, words


def test_the_builder_itself_refuses_what_nothing_explains() -> None:
    happen(2)
    sealing.seal()
    take_triggers_off()
    execute("DELETE FROM audits_body")
    bundle = bundles.build(bundle_id=ask().pk)
    assert (bundle.state, "nothing explains it" in bundle.error) == ("failed", True)


# --- Pruned ---------------------------------------------------------------------------------------------
@pytest.fixture
def pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    prune_eight(monkeypatch)


def prune_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first eight entries are gone: four of each agent."""
    monkeypatch.setattr(pruning, "LEVEL", 2)
    for _ in range(4):
        happen(1, frameworks=["PCI DSS"])
        happen(1, stream="agent/two", frameworks=["PCI DSS"])
    sealing.seal_heads()
    happen(3)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls.fromisoformat((datetime.now(tz) + timedelta(days=4000)).isoformat())

    with monkeypatch.context() as patch:
        patch.setattr(pruning, "datetime", Later)
        assert pruning.prune(actor=TESTER)
    sealing.seal()


@pytest.mark.usefixtures("pruned")
def test_a_pruned_beginning_is_covered_by_what_was_sealed_of_it() -> None:
    for scope in ({}, {"kind": "period"}, {"kind": "case", "streams": ["agent/one", "agent/two"]}):
        bundle = build(**scope)
        code, words = verdict(bundle.path)
        assert code == 0, words
        assert "pruned, says event" in words


def test_a_tombstone_of_another_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed so by the holder of the ledger's key: the tree still has the root of what was there."""
    monkeypatch.setattr(verify, "SEGMENT", 4)
    payload = pruning._payload
    with monkeypatch.context() as patch:
        patch.setattr(pruning, "_payload", lambda segment: payload(segment) | {"root": "00" * 32})
        prune_eight(patch)
    for scope in ({}, {"kind": "period"}):
        code, said = verdict(build(**scope).path)
        assert (code, "had another root than an event says" in said) == (1, True), said


def test_a_tombstone_speaks_of_what_was_before_it() -> None:
    event = {"id": "one", "action": "segment.pruned"}
    with pytest.raises(verify.Wrong, match="entries after it were pruned"):
        verify.Gone().explain(event, {"low": 0, "high": 8, "root": "", "streams": []}, 7)


def test_the_roots_of_segments_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of eight entries stands in proof.bin; two events say the roots of four each."""
    prune_eight(monkeypatch)
    monkeypatch.setattr(verify, "SEGMENT", 4)
    checked = verify.Bundle(build(kind="period").path)
    checked.verify()
    assert checked.walk.gone.root_of(0, 8) == checked.walk.given[0, 8]


@pytest.mark.usefixtures("pruned")
def test_a_tombstone_covers_no_more_than_it_says(fails: Callable[..., str]) -> None:
    """One more event left out next to what was pruned, or a forged body of the tombstone."""
    bundle = build()
    files = unpack(bundle.path)
    lines = files[ENTRIES].splitlines(keepends=True)
    index, line = next((i, line) for i, line in enumerate(lines) if b'"stream":"agent/one"' in line)
    kept = lines[:index] + lines[index + 1 :]
    gone = orjson.loads(line)["e"]["id"]
    places = [orjson.loads(one)["s"]["q"] for one in kept]
    rows = files["events.csv"].splitlines(keepends=True)
    forged = files | {
        ENTRIES: b"".join(kept),
        BODIES: b"".join(one for one in files[BODIES].splitlines(keepends=True) if gone.encode() not in one),
        "events.csv": b"".join(row for row in rows if gone.encode() not in row),
        "proof.bin": b"".join(selectors.proof_hashes(bundle.checkpoint_size, places)),
    }
    assert "something is left out" in fails(forged, events=bundle.event_count - 1)
    longer = files[BODIES].replace(b'"last":2', b'"last":3', 1)
    assert longer != files[BODIES]
    assert "not the one that the event committed to" in fails(files | {BODIES: longer})


@pytest.mark.usefixtures("pruned")
def test_a_range_with_a_hole(fails: Callable[..., str]) -> None:
    bundle = build(kind="period")
    files = unpack(bundle.path)
    lines = files[ENTRIES].splitlines(keepends=True)
    index, line = next((i, one) for i, one in enumerate(lines) if b'"stream":"agent/one"' in one)
    gone = orjson.loads(line)["e"]["id"].encode()
    kept = lines[:index] + lines[index + 1 :]
    places = [orjson.loads(one)["s"]["q"] for one in kept]
    rows = files["events.csv"].splitlines(keepends=True)
    forged = files | {
        ENTRIES: b"".join(kept),
        BODIES: b"".join(one for one in files[BODIES].splitlines(keepends=True) if gone not in one),
        "events.csv": b"".join(row for row in rows if gone not in row),
        "proof.bin": b"".join(selectors.proof_hashes(bundle.checkpoint_size, places)),
    }
    assert "of the range is left out" in fails(forged, events=bundle.event_count - 1)
    said = orjson.loads(files["manifest.json"])["range"]
    assert "is not what the period asks for" in fails(files, range=said | {"low": 1})
    assert "wrong side of the period's end" in fails(files, range=said | {"high": said["high"] - 1})


# --- Keys, and checkpoints that somebody kept -------------------------------------------------------------
@pytest.fixture
def rotated(settings: LazySettings, tmp_path: Path) -> list[str]:
    """The verifier keys of the ledger, oldest first; the current one is the third."""
    settings.KEYS_DIR = tmp_path / "keys"
    keys.create(tmp_path / "keys")
    found = [str(keys.ledger_verifier())]
    for _ in range(2):
        happen(2)
        sealing.seal_heads()
        key_rotation.rotate(actor=TESTER, purpose=KeyPurpose.SEAL)
        found.append(str(keys.ledger_verifier()))
    happen(1)
    return found


def test_an_older_key_leads_to_the_one_in_use(
    rotated: list[str], fails: Callable[..., str], tmp_path: Path
) -> None:
    bundle = build()
    assert len(set(rotated)) == 3
    for age, key in enumerate(rotated):
        code, words = verdict(bundle.path, key=key)
        assert code == 0, words
        assert (f"{2 - age} rotations lead from your key" in words) is (age < 2)
    assert verdict(build(kind="period").path)[0] == 0  # with the events that are sealed at once
    files = unpack(bundle.path)
    first, second = files["rotations.txt"].split(b"--\n")
    assert "does not follow the key before it" in fails(files | {"rotations.txt": second + b"--\n" + first})
    assert "than rotations.txt leads to" in fails(files | {"rotations.txt": first})
    skipped = pack(files | {"rotations.txt": second}, tmp_path / "skipped.zip")
    code, words = verdict(skipped, key=rotated[0])
    assert (code, "rotations.txt does not lead from it" in words) == (1, True)
    swapped = first.replace(b"size ", b"size 1", 1)
    assert "the signature" in fails(files | {"rotations.txt": swapped + b"--\n" + second})


def test_a_replaced_key_is_not_followed(settings: LazySettings, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path / "keys"
    keys.create(tmp_path / "keys")
    old = str(keys.ledger_verifier())
    happen(2)
    sealing.seal_heads()
    key_rotation.replace(actor=TESTER, purpose=KeyPurpose.SEAL, reason="stolen")
    happen(1)
    bundle = build()
    code, words = verdict(bundle.path, key=old)
    assert (code, "was replaced after a loss or a compromise" in words) == (1, True)
    assert verdict(bundle.path, key=str(keys.ledger_verifier()))[0] == 0


def test_a_checkpoint_that_was_kept_leads_to_the_bundle(tmp_path: Path, fails: Callable[..., str]) -> None:
    happen(3)
    sealing.seal_heads()
    kept = Checkpoint.objects.latest("size")
    (tmp_path / "kept.txt").write_text(kept.note)
    happen(4)
    bundle = build()
    code, words = verdict(bundle.path, "--known-checkpoint", str(tmp_path / "kept.txt"))
    assert (code, f"continues the one of {kept.size} entries" in words) == (0, True), words
    files = unpack(bundle.path)
    forged = keys.seal().sign(sealing.checkpoint_text(keys.seal().name, kept.size, b"\1" * 32))
    (tmp_path / "other.txt").write_text(forged)
    code, words = verdict(bundle.path, "--known-checkpoint", str(tmp_path / "other.txt"))
    assert (code, "The ledger was rewritten" in words) == (1, True)
    line = orjson.loads(files["consistency.ndjson"].splitlines()[0])
    for change in (
        {"root": "01" * 32},
        {"first": line["first"] + 1},
        {"proof": line["proof"][:-1]},
        {"proof": [*line["proof"], "00" * 32]},
    ):
        content = canonical.dumps(line | change) + b"\n"
        assert "does not lead to this one" in fails(files | {"consistency.ndjson": content})


def test_another_policy_than_the_one_that_was_given(tmp_path: Path, settings: LazySettings) -> None:
    happen(1)
    bundle = build()
    (tmp_path / "policy.txt").write_bytes(unpack(bundle.path)["policy.txt"])
    assert verdict(bundle.path, "--policy", str(tmp_path / "policy.txt"), key=None)[0] == 0
    other = keys.seal().sign(
        f"countersign/policy/v1\nledger {keys.seal().verifier}\nbundles {keys.seal().verifier}\n"
    )
    (tmp_path / "policy.txt").write_text(other)
    code, words = verdict(bundle.path, "--policy", str(tmp_path / "policy.txt"), key=None)
    assert (code, "names another key for bundles" in words) == (1, True)


def test_events_of_another_ledger_do_not_mix(
    settings: LazySettings, tmp_path: Path, fails: Callable[..., str]
) -> None:
    """The entries and proofs of one bundle under the checkpoint and heads of another state."""
    happen(3)
    older = unpack(build().path)
    happen(3)
    newer = unpack(build().path)
    for path in (ENTRIES, "proof.bin", "streams.ndjson", "checkpoint.txt"):
        assert fails(newer | {path: older[path]})
