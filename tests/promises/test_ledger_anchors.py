"""Promise 11: a ledger that was rewritten with every key there is, is found by what stands outside.

The attacker is a superuser of the database and holds the seal key, the codes' key and the guard's file.
Without an anchor nothing finds that; with one of any kind that can be read back, verification does.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.conf import LazySettings
from moto import mock_aws

from audits import keys
from audits.models import Anchor, Body, Checkpoint, Event
from audits.services import anchoring, sealing, verification
from tests.audits.happenings import happen, take_triggers_off
from tests.audits.outside import timestamping, witnessing
from tests.processes.installation import ROOT, free_port
from tests.promises.forgery import rewrite

pytestmark = pytest.mark.django_db
KINDS = ("file", "s3", "tsa", "witness")


@pytest.fixture(params=KINDS)
def sink(
    request: pytest.FixtureRequest, tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """One kind of sink as the only one."""
    kind: str = request.param
    if kind == "file":
        settings.ANCHORS = [f"file://{tmp_path}/checkpoints.log"]
        yield kind
    elif kind == "s3":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "any")
        with mock_aws():
            client: Any = boto3.client("s3", region_name="us-east-1")
            client.create_bucket(Bucket="anchors", ObjectLockEnabledForBucket=True)
            settings.ANCHORS = ["s3://anchors/ours?lock_days=30"]
            yield kind
    elif kind == "tsa":
        with timestamping(tmp_path / "tsa") as (address, authority):
            settings.ANCHORS, settings.ANCHOR_TSA_ROOTS = [address], str(authority.roots)
            yield kind
    else:
        with witnessing(keys.ledger_verifier(), tmp_path) as (address, _):
            settings.ANCHORS = [address]
            yield kind


def history() -> list[Event]:
    """Nine events, anchored after six."""
    happen(6)
    sealing.seal()
    assert [anchor.error for anchor in anchoring.publish()] == [""]
    happen(3)
    sealing.seal()
    report = verification.verify()
    assert report.is_sound, report
    take_triggers_off()
    return list(Event.objects.order_by("id"))


def test_without_an_anchor_nothing_finds_it() -> None:
    happen(6)
    sealing.seal()
    take_triggers_off()
    rewrite(list(Event.objects.order_by("id")))
    assert verification.verify().is_sound


def test_a_whole_ledger_rewritten_with_all_keys(sink: str) -> None:
    rewrite(history())
    report = verification.verify()
    assert not report.is_sound
    assert report.place == "anchors"
    assert "rewritten" in report.problem


def test_the_tail_cut_off_with_all_keys(sink: str) -> None:
    events = history()
    rewrite(events[:4])
    for event in events[4:]:
        Body.objects.filter(event_id=event.pk)._raw_delete(using="default")
        Event.objects.filter(pk=event.pk)._raw_delete(using="default")
    report = verification.verify()
    assert report.place == "anchors"
    assert "cut off" in report.problem


@pytest.mark.parametrize("sink", ["file", "s3", "witness"], indirect=True)
def test_the_rows_about_anchors_removed_too(sink: str) -> None:
    """What was published is read from outside, whatever the database says of it."""
    events = history()
    Anchor.objects.all().delete()
    rewrite(events)
    report = verification.verify()
    assert report.place == "anchors"


@pytest.mark.parametrize("sink", ["tsa"], indirect=True)
def test_timestamps_whose_rows_are_removed_are_late(sink: str, settings: LazySettings) -> None:
    """An authority remembers nothing: without the receipts only their absence is left to see."""
    events = history()
    Anchor.objects.all().delete()
    rewrite(events)
    Checkpoint.objects.update(sealed_at=events[0].time.replace(year=2020))
    assert any("none was ever published" in warning for warning in anchoring.examine().warnings)


@pytest.mark.parametrize("sink", ["witness"], indirect=True)
def test_a_rewritten_ledger_gets_no_more_cosignatures(sink: str) -> None:
    rewrite(history())
    [refused] = anchoring.publish()
    assert refused.state == "failed"
    assert "it does not continue the 9 that it has seen" in refused.error
    [standing] = anchoring.standing()
    assert standing.wrong


def test_the_rewritten_ledger_going_on_does_not_cover_it_up(sink: str) -> None:
    """What is published of the forged ledger later lies beside what was published of the true one."""
    rewrite(history())
    happen(2)
    sealing.seal()
    anchoring.publish()
    assert verification.verify().place == "anchors"


def test_our_own_witness_as_a_process(tmp_path: Path, settings: LazySettings) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "audits.witness", "--key", str(tmp_path / "witness.key"),
         "--name", "other.example", "--origin-key", str(keys.ledger_verifier()),
         "--state", str(tmp_path / "state.json"), "--listen", f"127.0.0.1:{port}"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        verifier = process.stdout.readline().strip()
        settings.ANCHORS = [f"witness+http://127.0.0.1:{port}?key={verifier}"]
        rewrite(history())
        assert "does not continue" in verification.verify().problem
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
