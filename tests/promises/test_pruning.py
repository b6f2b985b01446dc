"""Retention (S1-16, S3-7): what is due goes by whole segments, nothing else does, and the proof holds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Person
from audits import guard, triggers
from audits.choices import Action, AnchorState, BundleKind, HoldScope, Outcome
from audits.errors import Denied, Invalid
from audits.models import Anchor, Body, Bundle, Checkpoint, Entry, Event, Node, RetentionRule, Tombstone
from audits.services import anchoring, bundles, erasure, holds, pruning, retention, sealing, verification
from tests.audits.bundling import verdict
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off
from tests.promises.test_holds import wait_until_it_waits

pytestmark = pytest.mark.django_db
LEVEL, SEGMENT = 2, 4
DAYS = {"SOX": 2555, "HIPAA": 2190, "GDPR": 1095, "PCI_DSS": 365}


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    monkeypatch.setattr(pruning, "LEVEL", LEVEL)
    settings.LEDGER_SEAL_INLINE = False


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets so many days pass, for retention alone."""

    def pass_by(days: int) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> "Later":
                moment = datetime.now(tz) + timedelta(days=days)
                return cls.fromisoformat(moment.isoformat())

        monkeypatch.setattr(pruning, "datetime", Later)

    return pass_by


def fill(count: int, **words: Any) -> list[Event]:
    """Events and the heads after them, so that the heads are not what keeps a segment."""
    events = happen(count, **words)
    sealing.seal_heads()
    return events


def sound() -> None:
    sealing.seal()
    report = verification.verify()
    assert report.is_sound, report


def prune() -> list[Tombstone]:
    return pruning.prune(actor=TESTER)


# --- What goes, and what stays ---------------------------------------------------------------------------
def test_a_segment_goes_and_everything_else_verifies(later: Any) -> None:
    events = fill(9, frameworks=["PCI DSS"])
    later(366)
    roots = {node.index: bytes(node.hash) for node in Node.objects.filter(level=LEVEL)}
    first, second = prune()
    assert [(each.low, each.high) for each in (first, second)] == [(0, 4), (4, 8)]
    assert bytes(first.root) == roots[0]
    gone = [event.pk for event in events[:8]]
    for model in (Event, Body):
        assert not model.objects.filter(pk__in=gone).exists()
    assert Entry.objects.order_by("seq").first().seq == 8  # type: ignore[union-attr]
    assert not Node.objects.filter(level__lt=LEVEL, index__lt=4, level=1).exists()
    assert Node.objects.filter(level=LEVEL, index=0).exists()
    payload = Event.objects.get(pk=first.by).details
    assert (payload["entries"], payload["events"], payload["root"]) == (4, 4, roots[0].hex())
    assert payload["streams"][0]["last"] == 4
    sound()
    assert verification.verify().pruned == 8
    happen(3)
    sealing.seal_heads()
    sound()


@pytest.mark.parametrize(("framework", "days"), [*DAYS.items(), ("", 2555), ("Unheard of", 2555)])
def test_nothing_goes_before_it_is_due(later: Any, framework: str, days: int) -> None:
    fill(4, frameworks=[framework] if framework else [])
    later(days - 1)
    assert prune() == []
    later(days + 1)
    assert len(prune()) == 1


def test_the_longest_of_the_frameworks_counts(later: Any) -> None:
    fill(4, frameworks=["PCI DSS", "SOX"])
    later(2000)
    assert "is kept for" in next(pruning.candidates()).why_not
    assert prune() == []


def test_one_event_keeps_its_segment(later: Any) -> None:
    happen(3, frameworks=["GDPR"])
    fill(5, frameworks=["SOX"])
    later(1200)
    assert prune() == []


def test_a_column_that_was_changed_shortens_nothing(later: Any) -> None:
    """The header says which frameworks; a superuser's edit of the column does not count."""
    fill(4, frameworks=["SOX"])
    take_triggers_off()
    Event.objects.update(frameworks="PCI_DSS", time="2000-01-01T00:00:00Z")
    triggers.install(connection)
    later(400)
    assert prune() == []


def test_what_was_changed_is_not_pruned_away(later: Any) -> None:
    events = fill(4)
    take_triggers_off()
    header = bytes(events[1].header).replace(b"run/1", b"run/7")
    Event.objects.filter(pk=events[1].pk).update(header=header)
    triggers.install(connection)
    later(3000)
    assert "ledger verify" in next(pruning.candidates()).why_not
    assert prune() == []


def test_the_last_heads_stay(later: Any) -> None:
    happen(3)
    sealing.seal_heads()
    later(3000)
    assert "last heads" in next(pruning.candidates()).why_not
    fill(1)
    assert len(prune()) == 1
    sound()


def test_a_guard_that_is_behind_keeps_what_it_remembers(later: Any) -> None:
    fill(8)
    guard.remember(guard.Head(5, sealing.stored_tree(5).root()))
    later(3000)
    assert [each.low for each in prune()] == [0]


def test_a_bundle_in_the_making_keeps_all(later: Any) -> None:
    fill(4)
    later(3000)
    bundle = bundles.request(actor=TESTER, kind=BundleKind.AGENT, subject="One", streams=["agent/one"])
    Bundle.objects.filter(pk=bundle.pk).update(state="building")
    assert prune() == []


# --- Holds ---------------------------------------------------------------------------------------------
def test_a_hold_keeps_the_segment(later: Any, dirk: Person) -> None:
    fill(4, stream="agent/one")
    fill(8, stream="agent/two")
    later(3000)
    hold = holds.place(
        actor=TESTER, title="Dispute", scope=HoldScope.AGENT, subject="agent/one", reason="inquiry"
    )
    assert "legal hold 'Dispute'" in {each.low: each.why_not for each in pruning.candidates()}[4 * 0]
    assert 0 not in [each.low for each in prune()]
    holds.release(actor=dirk.actor, hold=hold, reason="settled")
    sealing.seal_heads()
    assert 0 in [each.low for each in prune()]
    sound()


# --- What explains stays ------------------------------------------------------------------------------------
def test_what_explains_a_pruned_segment_is_said_again(later: Any) -> None:
    fill(4)
    later(3000)
    [first] = prune()
    fill(5)
    later(6000)
    assert Tombstone.objects.get(low=0).by == first.by
    assert len(prune()) >= 1
    again = Tombstone.objects.get(low=0)
    assert again.by != first.by
    assert not Event.objects.filter(pk=first.by).exists()
    assert Event.objects.get(pk=again.by).details["low"] == 0
    sound()


def test_a_redaction_stays_as_long_as_what_it_explains(later: Any, dora: Person) -> None:
    [kept] = happen(1, frameworks=["Ten years"])
    retention.change(
        actor=TESTER, framework="Ten years", days=9000, source="contract", reason="agreed with a customer"
    )
    fill(7)
    redaction = erasure.redact(actor=dora.actor, events=[kept.pk], reason="named somebody")
    fill(8)
    later(3000)
    prune()
    assert Event.objects.filter(pk=redaction.pk).exists()
    sound()
    later(9100)
    prune()
    assert not Event.objects.filter(pk__in=[kept.pk, redaction.pk]).exists()
    sound()


@pytest.mark.django_db(transaction=True)
def test_an_erasure_stays_as_long_as_what_it_explains(later: Any, dora: Person, oscar: Person) -> None:
    retention.change(actor=TESTER, framework="Ten years", days=9000, source="contract", reason="agreed")
    [kept] = happen(1, actor=oscar.actor, frameworks=["Ten years"])
    fill(7)
    event = erasure.erase(actor=dora.actor, subject=f"person/{oscar.pk}", reason="request")
    fill(8)
    later(3000)
    prune()
    assert Event.objects.filter(pk=event.pk).exists()
    sound()
    later(9100)
    prune()
    assert not Event.objects.filter(pk__in=[kept.pk, event.pk]).exists()
    sound()


# --- After it -------------------------------------------------------------------------------------------
def test_streams_go_on_after_their_last_entry_was_pruned(later: Any) -> None:
    fill(4, stream="agent/one")
    fill(3, stream="agent/two")
    later(3000)
    prune()
    assert not Entry.objects.filter(stream="agent/one").exists()
    sealing.seal_heads()
    [next_one] = happen(1, stream="agent/one")
    sealing.seal_heads()
    assert Entry.objects.get(event=next_one.pk).stream_seq == 5
    sound()


def test_checkpoints_inside_go_but_those_that_are_anchored(later: Any) -> None:
    for _ in range(4):
        happen(1)
        sealing.seal()
    note = Checkpoint.objects.get(size=2).note
    Anchor.objects.create(
        sink="file:/var/log/x", level="A1", size=2, note=note, state=AnchorState.ANCHORED,
        created_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    fill(1)
    later(3000)
    prune()
    assert set(Checkpoint.objects.filter(size__lte=4).values_list("size", flat=True)) == {2, 4}
    assert anchoring._Roots([2]).problem(2, bytes(Checkpoint.objects.get(size=2).root)) == ""
    sound()


def test_a_forged_tombstone_is_found(later: Any) -> None:
    fill(9)
    take_triggers_off()
    root = bytes(Node.objects.get(level=LEVEL, index=0).hash)
    for event in Event.objects.all()[:1]:
        Tombstone.objects.create(low=0, high=4, root=root, by=event.pk, pruned_at="2026-01-01T00:00:00Z")
    execute("DELETE FROM audits_entry WHERE seq < 4")
    report = verification.verify()
    assert not report.is_sound
    assert "no event says that they were pruned" in report.problem


@pytest.mark.parametrize("table", ["event", "body", "entry", "node", "checkpoint"])
def test_the_database_lets_go_of_nothing_else(later: Any, table: str) -> None:
    fill(9)
    later(3000)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(f"DELETE FROM audits_{table}")  # noqa: S608 - our own names
    prune()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(f"DELETE FROM audits_{table}")  # noqa: S608 - as above


def test_tombstones_and_rules_stay(later: Any) -> None:
    fill(4)
    later(3000)
    prune()
    for statement in (
        "DELETE FROM audits_tombstone",
        "UPDATE audits_tombstone SET high = 8",
        "DELETE FROM audits_retentionrule",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            execute(statement)


@pytest.mark.django_db(transaction=True)
def test_old_bundles_verify_and_new_ones_say_what_was_pruned(
    later: Any, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path
    fill(6)
    old = built()
    later(3000)
    assert prune()
    fill(2)
    assert verdict(old)[0] == 0
    code, said = verdict(built())
    assert code in {0, 3}, said
    assert "pruned" in said


def built() -> Path:
    bundle = bundles.request(actor=TESTER, kind=BundleKind.AGENT, subject="One", streams=["agent/one"])
    done = bundles.build(bundle_id=bundle.pk)
    assert done.state == "ready", done.error
    return done.path


@pytest.mark.django_db(transaction=True)
def test_a_bundle_and_a_pruner_exclude_each_other(later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A builder that comes while a segment goes waits until it is gone; one that is there keeps it."""
    if connection.vendor != "postgresql":
        assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        return
    fill(9)
    later(3000)
    asked = bundles.request(actor=TESTER, kind=BundleKind.AGENT, subject="One", streams=["agent/one"])
    states: list[str] = []
    real = pruning._delete

    def build() -> None:
        try:
            states.append(bundles.build(bundle_id=asked.pk).state)
        finally:
            connections.close_all()

    builder = threading.Thread(target=build)

    def delete(segment: Any) -> None:
        if builder.ident is None:
            builder.start()
            wait_until_it_waits()
        real(segment)

    monkeypatch.setattr(pruning, "_delete", delete)
    pruned = prune()
    builder.join()
    assert pruned
    assert states == ["ready"]
    asked.refresh_from_db()
    assert verdict(asked.path)[0] in {0, 3}


# --- Who, and the rules ---------------------------------------------------------------------------------
def test_others_do_not_prune(aude: Person) -> None:
    with pytest.raises(Denied):
        pruning.prune(actor=aude.actor)
    assert Event.objects.get(action=Action.SEGMENT_PRUNED).outcome == Outcome.DENIED


def test_the_shipped_rules() -> None:
    shipped = dict(RetentionRule.objects.values_list("framework", "days"))
    assert shipped == DAYS | {"DEFAULT": 2555}


def test_an_event_says_until_when_it_is_kept() -> None:
    [event, other] = happen(1, frameworks=["pci-dss", "GDPR"]) + happen(1)
    assert retention.kept_until(event) == event.time + timedelta(days=1095)
    assert retention.kept_until(other) == other.time + timedelta(days=2555)


def test_a_rule_changes_with_a_reason_and_is_recorded(dora: Person, aude: Person) -> None:
    words = {"framework": "pci dss", "source": "our counsel", "reason": "a new contract"}
    rule = retention.change(actor=dora.actor, days=400, **words)
    assert (rule.framework, rule.days) == ("PCI_DSS", 400)
    told = Event.objects.get(action=Action.RETENTION_CHANGED)
    assert (told.details["before"]["days"], told.details["after"]["days"]) == (365, 400)
    with pytest.raises(Denied):
        retention.change(actor=aude.actor, days=1, **words)
    for wrong in ({"days": 0}, {"days": 99999}, {"days": 9, "reason": ""}, {"days": 9, "framework": " - "}):
        with pytest.raises(Invalid):
            retention.change(**{"actor": dora.actor, **words, **wrong})  # type: ignore[arg-type]


# --- By property ----------------------------------------------------------------------------------------
FRAMEWORKS = st.lists(st.sampled_from([*DAYS, "Other"]), max_size=2)
HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(["agent/a", "agent/b", "person/c"]), FRAMEWORKS, st.booleans()),
    min_size=4,
    max_size=24,
)
HOLDS = st.lists(st.sampled_from(["agent/a", "agent/b", "person/c"]), max_size=1)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=HAPPENINGS, held=HOLDS, days=st.sampled_from([300, 400, 1200, 2300, 2600]))
def test_nothing_goes_that_is_held_or_not_yet_due(
    later: Any, happenings: list[tuple[str, list[str], bool]], held: list[str], days: int
) -> None:
    with put_back():
        events = []
        for stream, frameworks, heads in happenings:
            events += happen(1, stream=stream, frameworks=frameworks)
            if heads:
                sealing.seal_heads()
        sealing.seal_heads()
        for subject in held:
            scope = HoldScope(subject.partition("/")[0])
            holds.place(actor=TESTER, title="Hold", scope=scope, subject=subject, reason="inquiry")
        later(days)
        pruned = prune()
        stored = set(Event.objects.values_list("pk", flat=True))
        for event in events:
            frameworks = event.fields.get("frameworks", [])
            due = max((DAYS.get(name, 2555) for name in frameworks), default=2555) < days
            if not due or event.stream in held:
                assert event.pk in stored
        assert len(events) - len(stored.intersection(event.pk for event in events)) == sum(
            Event.objects.get(pk=tombstone.by).details["events"] for tombstone in pruned
        )
        sealing.seal_heads()
        sound()


@contextmanager
def put_back() -> Iterator[None]:
    """A transaction that leaves nothing behind; nor does the memory outside, which it was never told."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
