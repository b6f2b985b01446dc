"""Checkpoints go out to every kind of sink, are found there again, and a failing one hurts no other."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from moto import mock_aws
from standardwebhooks import Webhook

from audits import keys, note
from audits.actor import Actor
from audits.anchors import address
from audits.choices import Action, AnchorLevel, AnchorState
from audits.errors import Conflict, Denied, Invalid
from audits.models import Anchor, Checkpoint, Event
from audits.operator_http import AddressRefused
from audits.services import anchoring, sealing
from audits.tasks import anchor as anchor_task
from audits.witness.state import Witness
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off
from tests.audits.outside import Authority, receiving, timestamping, witnessing
from tests.audits.test_ledger_commands import run

pytestmark = pytest.mark.django_db
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def sealed(count: int = 3) -> Checkpoint:
    happen(count)
    sealing.seal()
    return Checkpoint.objects.order_by("-size")[0]


@pytest.fixture
def log(tmp_path: Path, settings: LazySettings) -> Path:
    """A file as the only sink."""
    settings.ANCHORS = [f"file://{tmp_path}/checkpoints.log"]
    return tmp_path / "checkpoints.log"


@pytest.fixture
def bucket(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket with object lock as the only sink, and a client to look into it."""
    for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="anchors", ObjectLockEnabledForBucket=True)
        settings.ANCHORS = ["s3://anchors/ours?lock_days=30"]
        yield client


@pytest.fixture
def authority(tmp_path: Path, settings: LazySettings) -> Iterator[Authority]:
    with timestamping(tmp_path / "tsa") as (where, running):
        settings.ANCHORS, settings.ANCHOR_TSA_ROOTS = [where], str(running.roots)
        yield running


@pytest.fixture
def witness(tmp_path: Path, settings: LazySettings) -> Iterator[Witness]:
    with witnessing(keys.ledger_verifier(), tmp_path) as (where, running):
        settings.ANCHORS = [where]
        yield running


def only(anchors: list[Anchor]) -> Anchor:
    [anchor] = anchors
    assert anchor.error == ""
    assert anchor.state == AnchorState.ANCHORED
    return anchor


# --- Each kind ----------------------------------------------------------------------------------------
def test_a_file_gets_a_line_a_checkpoint(log: Path) -> None:
    first = sealed()
    only(anchoring.publish())
    second = sealed(1)
    only(anchoring.publish())
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    assert [(line["size"], line["note"]) for line in lines] == [(3, first.note), (4, second.note)]
    assert anchoring.examine(everything=True) == anchoring.Examination([], [])


def test_a_line_that_was_cut_short_does_not_spoil_the_next(log: Path) -> None:
    log.write_bytes(b'{"note":"countersign.lo')
    sealed()
    only(anchoring.publish())
    assert anchoring.problems() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _content: b"", "no longer holds the line"),
        (lambda content: content.replace(b'"size":3', b'"size":2'), "was rewritten"),
        (lambda content: content.replace(b'"root":"', b'"root":"00'), "not a checkpoint|was rewritten"),
        (lambda content: b"{}\n" + content, "line 1, is not a checkpoint"),
        (lambda content: content.replace(b'"size":3', b'"size":9'), "ends at 3 now"),
    ],
)
def test_a_changed_file_is_found(log: Path, change: Any, words: str) -> None:
    sealed()
    anchoring.publish()
    log.write_bytes(change(log.read_bytes()))
    found = anchoring.problems()
    assert any(re.search(words, problem) for problem in found), found


def test_a_file_that_is_gone_is_found(log: Path) -> None:
    sealed()
    anchoring.publish()
    log.unlink()
    assert any("is gone" in problem for problem in anchoring.problems())


def test_an_object_is_locked_and_named_by_its_root(bucket: Any) -> None:
    checkpoint = sealed()
    anchor = only(anchoring.publish())
    receipt = orjson.loads(bytes(anchor.receipt))
    assert receipt["key"] == f"ours/{3:020}-{bytes(checkpoint.root).hex()}.txt"
    found = bucket.get_object(Bucket="anchors", Key=receipt["key"], VersionId=receipt["version"])
    assert found["Body"].read().decode() == checkpoint.note
    assert found["ObjectLockMode"] == "COMPLIANCE"
    assert found["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=29)
    assert anchoring.problems() == []


def test_an_object_hidden_by_a_delete_marker_still_counts(bucket: Any) -> None:
    sealed()
    receipt = orjson.loads(bytes(only(anchoring.publish()).receipt))
    bucket.delete_object(Bucket="anchors", Key=receipt["key"])
    assert anchoring.problems() == []


def test_a_bucket_that_does_not_answer_is_a_warning(bucket: Any, settings: LazySettings) -> None:
    sealed()
    anchoring.publish()
    settings.ANCHORS = ["s3://nobodys/ours?lock_days=30"]
    [failed] = anchoring.publish()
    assert failed.state == AnchorState.FAILED
    assert "NoSuchBucket" in failed.error
    assert anchoring.problems() == []
    assert any("could not be asked" in warning for warning in anchoring.examine().warnings)


def test_a_timestamp_verifies_with_openssl_too(authority: Authority, tmp_path: Path) -> None:
    checkpoint = sealed()
    anchor = only(anchoring.publish())
    assert anchor.level == AnchorLevel.TIMESTAMPED
    (tmp_path / "note").write_text(checkpoint.note)
    (tmp_path / "reply.tsr").write_bytes(bytes(anchor.receipt))
    said = subprocess.run(
        ["openssl", "ts", "-verify", "-in", "reply.tsr", "-data", "note", "-CAfile", str(authority.roots)],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "Verification: OK" in said.stdout + said.stderr
    assert anchoring.problems() == []


def test_a_timestamp_of_something_else_is_found(authority: Authority) -> None:
    sealed()
    first = only(anchoring.publish())
    sealed(1)
    second = only(anchoring.publish())
    Anchor.objects.filter(pk=second.pk).update(receipt=first.receipt)
    assert any("not one of the checkpoint of 4 entries" in problem for problem in anchoring.problems())


def test_an_authority_that_is_not_ours_is_not_taken(
    authority: Authority, tmp_path: Path, settings: LazySettings
) -> None:
    with timestamping(tmp_path / "other") as (_, other):
        settings.ANCHOR_TSA_ROOTS = str(other.roots)
    sealed()
    [failed] = anchoring.publish()
    assert "does not verify" in failed.error


def test_a_witness_cosigns_what_continues(witness: Witness) -> None:
    for count in (3, 1, 5):
        checkpoint = sealed(count)
        anchor = only(anchoring.publish())
        when = note.cosigned_at(checkpoint.note + bytes(anchor.receipt).decode(), witness.key.verifier)
        assert abs(when - datetime.now(UTC).timestamp()) < 300
    assert anchoring.problems() == []


def test_a_witness_that_knows_more_than_we_do_is_followed(witness: Witness) -> None:
    """The answer was lost after the witness had written it down."""
    sealed()
    anchoring.publish()
    Anchor.objects.all().delete()
    sealed(4)
    only(anchoring.publish())


def test_a_changed_cosignature_is_found(witness: Witness) -> None:
    sealed()
    anchor = only(anchoring.publish())
    other = note.WitnessKey(witness.key.name, Ed25519PrivateKey.generate())
    Anchor.objects.update(receipt=other.cosign(note.text_of(anchor.note), 1).encode())
    assert any("cosignature is not one of" in problem for problem in anchoring.problems())


def test_a_webhook_is_signed_and_cannot_be_read_back(settings: LazySettings) -> None:
    came: list[tuple[bytes, dict[str, str]]] = []

    def answer(content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        came.append((content, headers))
        return 204, b""

    settings.ANCHOR_WEBHOOK_SECRET = SECRET
    with receiving(answer) as where:
        settings.ANCHORS = [f"{where}/hook/secret-path"]
        checkpoint = sealed()
        anchor = only(anchoring.publish())
        [(content, headers)] = came
        Webhook(SECRET).verify(content, headers)
        assert orjson.loads(content)["data"]["note"] == checkpoint.note
        assert "secret-path" not in anchor.sink
        with pytest.raises(Conflict, match="cannot be read back"):
            anchoring.check(actor=TESTER, anchor=anchor)
        assert anchoring.examine() == anchoring.Examination([], [])


def test_a_webhook_without_a_secret_sends_nothing(settings: LazySettings) -> None:
    settings.ANCHORS = ["http://127.0.0.1:1/hook"]
    sealed()
    [failed] = anchoring.publish()
    assert "COUNTERSIGN_ANCHOR_WEBHOOK_SECRET" in failed.error


# --- All together -------------------------------------------------------------------------------------
def test_one_that_fails_hurts_no_other_and_is_tried_again(tmp_path: Path, settings: LazySettings) -> None:
    settings.ANCHORS = [f"file://{tmp_path}/absent/log", f"file://{tmp_path}/log"]
    sealed()
    failed, fine = anchoring.publish()
    assert (failed.state, fine.state) == (AnchorState.FAILED, AnchorState.ANCHORED)
    assert "No such file" in failed.error
    sealed(1)
    (tmp_path / "absent").mkdir()
    again, _ = anchoring.publish()
    assert (again.pk, again.attempts, again.size) == (failed.pk, 2, 4)
    assert again.state == AnchorState.ANCHORED


def test_a_surprise_in_one_hurts_no_other(
    log: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_arguments: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("audits.anchors.webhook.WebhookSink.publish", surprise)
    settings.ANCHORS = ["https://example.org/hook", *settings.ANCHORS]
    sealed()
    surprised, fine = anchoring.publish()
    assert "ZeroDivisionError" in surprised.error
    assert fine.state == AnchorState.ANCHORED


def test_only_what_is_newer_goes_out(log: Path) -> None:
    assert anchoring.publish() == []
    sealed()
    anchor_task()
    anchor_task()
    assert len(log.read_bytes().splitlines()) == 1
    assert Anchor.objects.count() == 1


def test_publishing_records_no_event(log: Path) -> None:
    """Otherwise each anchor would make a checkpoint, and each checkpoint an anchor."""
    sealed()
    before = Event.objects.count()
    anchoring.publish()
    assert Event.objects.count() == before


def test_late_and_missing_are_said(tmp_path: Path, settings: LazySettings) -> None:
    settings.ANCHORS = [f"file://{tmp_path}/absent/log"]
    sealed()
    anchoring.publish()
    [now] = anchoring.standing()
    assert (now.is_late, now.is_missing, now.size) == (False, False, 0)
    assert "No such file" in now.error
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6), tick=False):
        [then] = anchoring.standing()
        assert (then.is_late, then.is_missing) == (True, True)
        assert any("is late" in warning for warning in anchoring.examine().warnings)
        (tmp_path / "absent").mkdir()
        anchoring.publish()
        [mended] = anchoring.standing()
        assert (mended.is_late, mended.error, mended.size) == (False, "", 3)


def test_a_check_is_recorded_and_what_is_wrong_stays(log: Path) -> None:
    sealed()
    anchor = only(anchoring.publish())
    assert anchoring.check(actor=TESTER, anchor=anchor).check_problem == ""
    log.write_bytes(b"")
    assert "no longer holds" in anchoring.check(actor=TESTER, anchor=anchor).check_problem
    outcomes = (
        Event.objects.filter(action=Action.ANCHOR_CHECKED).order_by("id").values_list("outcome", flat=True)
    )
    assert list(outcomes) == ["success", "failed"]
    [standing] = anchoring.standing()
    assert "no longer holds" in standing.wrong


def test_who_may_not_see_anchors_may_not_check_them(log: Path, oscar: Any, aude: Any) -> None:
    sealed()
    anchor = only(anchoring.publish())
    for actor in (oscar.actor, Actor("agent", "one", "One")):
        with pytest.raises(Denied, match="may not check"):
            anchoring.check(actor=actor, anchor=anchor)
    assert Event.objects.filter(action=Action.ANCHOR_CHECKED, outcome="denied").count() == 2
    assert anchoring.check(actor=aude.actor, anchor=anchor).checked_at is not None


def test_what_was_never_anchored_cannot_be_checked(tmp_path: Path, settings: LazySettings) -> None:
    settings.ANCHORS = [f"file://{tmp_path}/absent/log"]
    sealed()
    [failed] = anchoring.publish()
    with pytest.raises(Invalid, match="was not anchored"):
        anchoring.check(actor=TESTER, anchor=failed)
    settings.ANCHORS = []
    Anchor.objects.update(state=AnchorState.ANCHORED)
    failed.refresh_from_db()
    with pytest.raises(Invalid, match="not in COUNTERSIGN_ANCHORS any more"):
        anchoring.check(actor=TESTER, anchor=failed)


def test_a_bundle_gets_the_newest_receipts_up_to_its_checkpoint(
    log: Path, witness: Witness, tmp_path: Path, settings: LazySettings
) -> None:
    settings.ANCHORS = [f"file://{log}", *settings.ANCHORS]
    assert anchoring.for_bundle(9) == []
    first = sealed()
    anchoring.publish()
    sealed(1)
    anchoring.publish()
    files = dict(anchoring.for_bundle(3))
    assert sorted(files) == [
        "anchors/01-file/checkpoint.txt", "anchors/01-file/line.json", "anchors/02-witness/checkpoint.txt",
        "anchors/02-witness/cosignature.txt", "anchors/index.json",
    ]  # fmt: skip
    assert files["anchors/02-witness/checkpoint.txt"].decode() == first.note
    whole = (
        files["anchors/02-witness/checkpoint.txt"] + files["anchors/02-witness/cosignature.txt"]
    ).decode()
    note.verify_each(whole, [keys.ledger_verifier(), witness.key.verifier])
    assert anchoring.for_bundle(3) == anchoring.for_bundle(3)
    assert {one["size"] for one in orjson.loads(files["anchors/index.json"])} == {3}


def test_a_checkpoint_that_was_changed_in_the_database_is_found(log: Path) -> None:
    sealed()
    anchoring.publish()
    take_triggers_off()
    execute("UPDATE audits_checkpoint SET note = note || %s", "\u2014 x AAAAAAAA\n")
    assert any("not the note that was published" in problem for problem in anchoring.problems())


# --- Addresses ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "checkpoints.log", "file://relative", "file:///a/../b", "file:///folder/", "ftp://example.org/",
        "http://example.org/hook", "https://user:password@example.org/", "tsa+http://example.org/",
        "s3://bucket/x", "s3://bucket/x?lock_days=0", "s3://bucket/x?lock_days=1&other=2", "s3:///x?lock_days=1",
        "s3://bucket/x?lock_days=1&endpoint=http://example.org", "witness+https://example.org/",
        "witness+https://example.org/?key=nothing", "https://", "https://example.org:99999/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str, settings: LazySettings) -> None:
    with pytest.raises(AddressRefused):
        address.parse(text)
    settings.ANCHORS = [text]
    with pytest.raises(Invalid, match="COUNTERSIGN_ANCHORS: "):
        anchoring.standing()
    assert anchoring.examine().warnings


def test_names_hold_no_secrets() -> None:
    name = address.parse("https://hooks.example.org/services/T00/SECRET?token=SECRET").name
    assert "SECRET" not in name
    assert name.startswith("webhook:hooks.example.org (")


# --- Commands -----------------------------------------------------------------------------------------
def test_the_commands(log: Path, settings: LazySettings) -> None:
    sealed()
    assert run("ledger", "anchor")[:2] == (0, f"file:{log}: 3 entries.\n")
    assert run("ledger", "anchor")[1] == "Every anchor has the newest checkpoint.\n"
    code, words, _ = run("ledger", "anchors", "--check", "--all")
    assert code == 0
    assert words.startswith(f"A1 file:{log}: well, 3 entries, ")
    assert words.endswith("Nothing outside contradicts the ledger.\n")
    log.write_bytes(b"")
    code, _, errors = run("ledger", "anchors", "--check")
    assert code == 1
    assert errors.startswith(f"WRONG: file:{log}")
    assert run("ledger", "anchors")[0] == 1
    settings.ANCHORS = [f"file://{log.parent}/absent/log"]
    code, _, errors = run("ledger", "anchor")
    assert (code, "No such file" in errors) == (1, True)
    settings.ANCHORS = ["ftp://example.org"]
    assert run("ledger", "anchors")[0] == 2
    settings.ANCHORS = []
    for verb in ("anchor", "anchors"):
        assert "COUNTERSIGN_ANCHORS is not set" in run("ledger", verb)[1]


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (["ftp://example.org"], "no kind of anchor"),
        (["https://example.org/hook"], "COUNTERSIGN_ANCHOR_WEBHOOK_SECRET"),
        (["tsa+https://example.org/"], "COUNTERSIGN_ANCHOR_TSA_ROOTS"),
    ],
)
def test_settings_that_could_never_work_stop_the_process(addresses: list[str], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        address.check_all(addresses, has_secret=False, has_roots=False)
    address.check_all(["file:///var/log/checkpoints.log"], has_secret=False, has_roots=False)
