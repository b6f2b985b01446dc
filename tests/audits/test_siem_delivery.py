"""Cursors, leases, pauses and replays: what a sink is told, and what people see of it."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse

from agents.models import Person
from audits import tasks
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Denied, Invalid, NotFound
from audits.models import Entry, Event, SinkCursor, Tombstone
from audits.services import sealing, siem, siem_records
from audits.siem import sending
from audits.siem.address import parse_all
from portal.doctor import check_siem
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off
from tests.audits.siem_receivers import SECRET, Syslog, closed_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.ndjson"


@pytest.fixture
def name(path: Path, settings: LazySettings) -> str:
    return configure(settings, f"json+file://{path}")


def configure(settings: LazySettings, *addresses: str) -> str:
    """The name of the first."""
    settings.LEDGER_SEAL_INLINE = False
    settings.SIEM_SINKS = parse_all(addresses)
    settings.SIEM_WEBHOOK_SECRET = SECRET
    return str(settings.SIEM_SINKS[0].name)


def seqs(path: Path) -> list[int]:
    return [record["seq"] for record in lines(path)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def sealed(count: int, **words: Any) -> None:
    with transaction.atomic():
        happen(count, **words)
    sealing.seal()


def cursor_of(name: str) -> SinkCursor:
    return SinkCursor.objects.get(name=name)


# --- What is told -------------------------------------------------------------------------------------
def test_a_new_sink_is_told_everything_from_the_first_entry_on(name: str, path: Path) -> None:
    sealed(3)
    assert siem.deliver(name=name) == 3
    sealed(2, stream="system")
    happen(1)  # not sealed: not told
    assert siem.deliver(name=name) == 2
    assert siem.deliver(name=name) == 0
    assert seqs(path) == [0, 1, 2, 3, 4]
    assert [record["stream_seq"] for record in lines(path)] == [1, 2, 3, 1, 2]
    cursor = cursor_of(name)
    assert (cursor.next_seq, cursor.error, cursor.attempts, cursor.lease) == (5, "", 0, None)
    assert cursor.delivered_at is not None


def test_heads_are_told_with_the_checkpoint_that_signs_them(name: str, path: Path) -> None:
    sealed(1)
    heads = sealing.seal_heads()
    siem.deliver(name=name)
    told = lines(path)[-1]
    assert (told["seq"], told["action"]) == (heads.seq, "ledger.heads_sealed")
    assert told["checkpoint"].startswith(f"countersign.local/ledger\n{heads.seq + 1}\n")


def test_names_and_payloads_stay_here(name: str, path: Path) -> None:
    sealed(1, actor=Actor("person", "p1", "Olivia Owner"), body={"secret": "Purple"}, stream="person/p1")
    siem.deliver(name=name)
    assert "Olivia" not in path.read_text(encoding="utf-8")
    assert "Purple" not in path.read_text(encoding="utf-8")


def test_unless_they_were_asked_for(settings: LazySettings, path: Path) -> None:
    name = configure(settings, f"json+file://{path}?payload=1")
    sealed(50, actor=Actor("person", "p1", "Olivia Owner"), body={"secret": "Purple"}, stream="person/p1")
    assert siem.deliver(name=name) == 50
    assert {record["actor_name"] for record in lines(path)} == {"Olivia Owner"}
    assert all(record["payload"] == {"secret": "Purple"} for record in lines(path))


def test_a_damaged_body_stops_nothing(settings: LazySettings, path: Path) -> None:
    name = configure(settings, f"json+file://{path}?payload=1")
    sealed(2)
    take_triggers_off()
    execute("UPDATE audits_body SET body_box = name_box WHERE event_id = %s", _first_key())
    assert siem.deliver(name=name) == 2
    first, second = lines(path)
    assert "does not open" in first["payload_withheld"]
    assert second["payload"] == {"number": 1}


def _first_key() -> object:
    from django.db import connection

    key = Entry.objects.get(seq=0).event_id
    assert key is not None
    return key if connection.features.has_native_uuid_field else key.hex


def test_batches_are_bounded_and_all_are_sent(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    send = sending.send

    def counted(sink: Any, messages: Any, options: Any) -> None:
        sizes.append(len(messages))
        send(sink, messages, options)

    monkeypatch.setattr(sending, "send", counted)
    monkeypatch.setattr(siem_records, "BATCH", 4)
    sealed(10)
    assert siem.deliver(name=name) == 10
    assert sizes == [4, 4, 2]
    monkeypatch.setattr(siem_records, "BATCH_BYTES", 1)  # one at a time, but never none
    sealed(2)
    assert siem.deliver(name=name) == 2
    assert sizes == [4, 4, 2, 1, 1]
    assert seqs(path) == list(range(12))


# --- Failures -----------------------------------------------------------------------------------------
def test_a_failing_sink_pauses_longer_each_time_and_loses_nothing(settings: LazySettings) -> None:
    name = configure(settings, f"json+syslog+tcp://127.0.0.1:{closed_port()}")
    sealed(2)
    pauses = []
    for attempt in range(1, 12):
        before = datetime.now(UTC)
        assert siem.deliver(name=name, patient=False) == 0
        cursor = cursor_of(name)
        assert cursor.retry_at is not None
        pauses.append(round((cursor.retry_at - before).total_seconds()))
        assert (cursor.attempts, cursor.next_seq, cursor.lease) == (attempt, 0, None)
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert "refused" in cursor_of(name).error.lower()
    assert siem.due() == []
    assert siem.deliver(name=name) == 0
    assert cursor_of(name).attempts == 11, "the patient wait"
    SinkCursor.objects.update(retry_at=datetime.now(UTC))
    assert siem.due() == [name]


def test_a_sink_that_takes_events_again_is_well(settings: LazySettings) -> None:
    with Syslog() as receiver:
        name = configure(settings, f"json+syslog+tcp://127.0.0.1:{receiver.port}")
        receiver.refusing = lambda: True
        sealed(2)
        siem.deliver(name=name)
        since = cursor_of(name).failing_since
        assert since is not None
        siem.deliver(name=name, patient=False)
        assert cursor_of(name).failing_since == since
        assert [cursor.name for cursor in siem.failing()] == [name]
        receiver.refusing = lambda: False
        assert siem.deliver(name=name, patient=False) == 2
    cursor = cursor_of(name)
    assert (cursor.failing_since, cursor.error, cursor.attempts, cursor.retry_at) == (None, "", 0, None)
    assert receiver.sequence == [0, 1]


def test_only_one_delivers_and_after_a_dead_one_another(name: str, path: Path) -> None:
    sealed(1)
    SinkCursor.objects.create(name=name, lease=uuid4(), leased_until=datetime.now(UTC) + timedelta(minutes=1))
    assert siem.due() == []
    assert siem.deliver(name=name, patient=False) == 0
    assert seqs(path) == []
    SinkCursor.objects.update(leased_until=datetime.now(UTC) - timedelta(seconds=1))
    assert siem.due() == [name]
    assert siem.deliver(name=name) == 1


def test_one_that_was_overtaken_does_not_move_the_cursor(
    name: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed(1)
    send = sending.send

    def slowly(*words: Any) -> None:
        send(*words)
        SinkCursor.objects.update(lease=uuid4())  # its time ran out, and another took over

    monkeypatch.setattr(sending, "send", slowly)
    assert siem.deliver(name=name) == 0
    assert cursor_of(name).next_seq == 0
    assert cursor_of(name).lease is not None, "it is not its own to give up"


# --- What was sealed is what is told ------------------------------------------------------------------
def test_a_changed_entry_is_not_told(name: str, path: Path) -> None:
    sealed(3)
    take_triggers_off()
    execute("UPDATE audits_entry SET leaf = previous WHERE seq = 1")
    assert siem.deliver(name=name) == 1
    assert seqs(path) == [0]
    assert "Entry 1 is not what was sealed" in cursor_of(name).error


def test_an_absent_entry_is_noticed(name: str, path: Path) -> None:
    sealed(3)
    take_triggers_off()
    execute("DELETE FROM audits_entry WHERE seq = 1")
    siem.deliver(name=name)
    assert seqs(path) == [0]
    assert "Entry 1 is absent, and no pruning says why" in cursor_of(name).error


def test_what_was_pruned_is_passed_over(name: str, path: Path) -> None:
    sealed(6)
    take_triggers_off()
    execute("DELETE FROM audits_entry WHERE seq BETWEEN 0 AND 3")
    for low in (0, 2):
        Tombstone.objects.create(
            low=low, high=low + 2, root=bytes(32), by=uuid4(), pruned_at=datetime.now(UTC)
        )
    assert siem.deliver(name=name) == 2
    assert seqs(path) == [4, 5]
    assert cursor_of(name).error == ""


def test_a_ledger_without_its_end_is_noticed(name: str) -> None:
    sealed(3)
    siem.deliver(name=name)
    take_triggers_off()
    execute("DELETE FROM audits_entry WHERE seq = 2")
    assert siem.due() == [name]
    siem.deliver(name=name)
    assert "It was told 3 entries, and the ledger holds 2" in cursor_of(name).error


# --- Sinks come and go --------------------------------------------------------------------------------
def test_pruning_can_ask_how_far_every_sink_is(name: str, settings: LazySettings, tmp_path: Path) -> None:
    sealed(2)
    siem.deliver(name=name)
    assert siem.undelivered_from() == 2
    configure(settings, name, f"cef+file://{tmp_path}/other.cef")
    assert siem.undelivered_from() == 0
    settings.SIEM_SINKS = ()
    assert siem.undelivered_from() is None


def test_a_sink_that_is_not_configured_any_more_keeps_its_place(
    name: str, path: Path, settings: LazySettings
) -> None:
    sealed(1)
    siem.deliver(name=name)
    sinks, settings.SIEM_SINKS = settings.SIEM_SINKS, ()
    sealed(1)
    assert siem.due() == []
    with pytest.raises(NotFound, match="has no sink"):
        siem.deliver(name=name)
    (standing,) = siem.standings()
    assert (standing.sink, standing.waiting) == (None, 1)
    settings.SIEM_SINKS = sinks
    assert siem.deliver(name=name) == 1
    assert seqs(path) == [0, 1]


def test_the_task_hands_out_each_sink(
    name: str, path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks, "enqueue", lambda task, *words: handed.append((task.name, *words)))
    dead = f"json+syslog+tcp://127.0.0.1:{closed_port()}"
    configure(settings, name, dead)
    sealed(1)
    tasks.send_to_siem()
    assert sorted(handed) == sorted(("audits.tasks.deliver_to_sink", sink) for sink in (name, dead))
    for _, sink in handed:
        tasks.deliver_to_sink(sink)
    tasks.deliver_to_sink("unknown")
    assert seqs(path) == [0]
    handed.clear()
    tasks.send_to_siem()
    assert handed == [], "one is told everything, the other pauses"


# --- Replay -------------------------------------------------------------------------------------------
def test_a_replay_tells_again_and_is_recorded(name: str, path: Path) -> None:
    sealed(4)
    siem.deliver(name=name)
    siem.replay(actor=TESTER, name=name, seq=2)
    sealing.seal()
    siem.deliver(name=name)
    assert seqs(path) == [0, 1, 2, 3, 2, 3, 4]
    event = Event.objects.get(action=Action.SINK_REPLAYED)
    assert (event.stream, event.object) == ("system", f"sink/{cursor_of(name).pk}")
    assert event.details == {"sink": name, "from": 2, "before": 4}


@pytest.mark.parametrize("seq", [-1, 5, 10**6])
def test_a_replay_goes_back_and_skips_nothing(name: str, seq: int) -> None:
    sealed(4)
    siem.deliver(name=name)
    with pytest.raises(Invalid, match="Name a number from 0 to 4"):
        siem.replay(actor=TESTER, name=name, seq=seq)
    assert cursor_of(name).next_seq == 4


def test_a_replay_wins_over_a_delivery_under_way(
    name: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed(3)
    siem.deliver(name=name)
    sealed(1)
    send = sending.send

    def interrupted(*words: Any) -> None:
        siem.replay(actor=TESTER, name=name, seq=1)
        send(*words)

    with monkeypatch.context() as patch:
        patch.setattr(sending, "send", interrupted)
        siem.deliver(name=name)
    assert cursor_of(name).next_seq == 1
    assert siem.deliver(name=name, patient=False) == 0, "not before the lease of the other is over"
    SinkCursor.objects.update(leased_until=datetime.now(UTC))
    siem.deliver(name=name)
    assert seqs(path) == [0, 1, 2, 3, 1, 2, 3]


def test_who_may_replay(name: str, ada: Person, aude: Person, olivia: Person) -> None:
    siem.replay(actor=ada.actor, name=name, seq=0)
    assert Event.objects.get(action=Action.SINK_REPLAYED).stream == ada.actor.ref
    for person in (aude, olivia):
        with pytest.raises(Denied, match="Ask an administrator"):
            siem.replay(actor=person.actor, name=name, seq=0)
    with pytest.raises(Denied, match="An agent may not"):
        siem.replay(actor=Actor("agent", "a1", "Analyst"), name=name, seq=0)
    refused = Event.objects.filter(action=Action.SINK_REPLAYED, outcome=Outcome.DENIED)
    assert refused.count() == 3


def test_there_is_no_replay_of_what_is_not_configured(name: str) -> None:
    with pytest.raises(NotFound, match=r"There is: json\+file"):
        siem.replay(actor=TESTER, name="json+file:///nowhere", seq=0)


# --- The command --------------------------------------------------------------------------------------
def run(*arguments: str) -> tuple[int, str, str]:
    output, errors = io.StringIO(), io.StringIO()
    try:
        call_command("siem", *arguments, stdout=output, stderr=errors)
    except SystemExit as stop:
        return int(str(stop.code)), output.getvalue(), errors.getvalue()
    return 0, output.getvalue(), errors.getvalue()


def test_the_command_sends_shows_and_replays(name: str, path: Path) -> None:
    sealed(3)
    assert run("status") == (
        0,
        f"{name}: well; entry 0 is next, 3 wait, the oldest sealed at {_oldest()}\n",
        "",
    )
    assert run("send")[:2] == (0, f"{name}: 3 entries confirmed.\n")
    assert run("status")[1] == f"{name}: well; entry 3 is next, 0 wait\n"
    assert run("replay", "--sink", name, "--from", "1")[:2] == (
        0, f"{name} is told again from entry 1 on.\n",
    )  # fmt: skip
    assert run("send", "--sink", name)[1] == f"{name}: 2 entries confirmed.\n"
    assert seqs(path) == [0, 1, 2, 1, 2]
    shown = json.loads(run("status", "--json")[1])
    assert (shown["sink"], shown["next_seq"], shown["error"], shown["configured"]) == (name, 3, "", True)


def _oldest() -> str:
    return Entry.objects.get(seq=0).sealed_at.isoformat()


def test_the_command_says_what_fails(settings: LazySettings) -> None:
    name = configure(settings, f"json+syslog+tcp://127.0.0.1:{closed_port()}")
    sealed(1)
    code, words, errors = run("send")
    assert (code, words) == (1, f"{name}: 0 entries confirmed.\n")
    assert f"{name} does not take events: 127.0.0.1" in errors
    assert run("status")[0] == 1


def test_the_command_refuses_what_is_not_there(name: str) -> None:
    assert run("replay", "--sink", "x", "--from", "0")[0] == 2
    assert run("send", "--sink", "x")[0] == 2
    code, _, errors = run("replay", "--sink", name, "--from", "9")
    assert (code, "cannot be skipped" in errors) == (2, True)


def test_without_a_sink_the_command_says_so(settings: LazySettings) -> None:
    settings.SIEM_SINKS = ()
    assert run("status") == (0, "No sink: COUNTERSIGN_SIEM is not set.\n", "")


# --- Pages --------------------------------------------------------------------------------------------
LIST = "admin:audits_sinkcursor_changelist"


def test_the_page_shows_where_sinks_stand_and_no_secret(
    settings: LazySettings, client: Client, aude: Person, path: Path
) -> None:
    well = configure(
        settings,
        f"json+file://{path}",
        f"ocsf+http://me:hunter2@127.0.0.1:{closed_port()}/hook?token=hunter2",
    )
    settings.SIEM_SINKS = (*settings.SIEM_SINKS, *parse_all([f"cef+file://{path.parent}/gone.cef?payload=1"]))
    sealed(2)
    for name in siem.configured():
        siem.deliver(name=name)
    settings.SIEM_SINKS = settings.SIEM_SINKS[:2]
    client.force_login(aude)
    page = client.get(reverse(LIST)).content.decode()
    for words in (well, "OCSF 1.7", "CEF", "failing", "could not be reached", "not configured any more"):
        assert words in page
    for cursor in SinkCursor.objects.all():
        text = client.get(reverse("admin:audits_sinkcursor_change", args=[cursor.pk])).content.decode()
        assert "hunter2" not in page + text
        assert "headers alone" in text or cursor.name not in siem.configured()


def test_more_sinks_cost_no_more_queries(
    settings: LazySettings, client: Client, aude: Person, path: Path, django_assert_max_num_queries: Any
) -> None:
    configure(settings, *(f"json+file://{path}.{number}" for number in range(20)))
    sealed(1)
    siem.due()
    client.force_login(aude)
    client.get(reverse(LIST))  # what is asked once until something happens
    with django_assert_max_num_queries(14):
        client.get(reverse(LIST))


def test_an_administrator_replays_from_the_page(name: str, path: Path, client: Client, ada: Person) -> None:
    client.force_login(ada)
    sealing.seal()
    siem.deliver(name=name)
    told = len(seqs(path))
    cursor = cursor_of(name)
    url = reverse("admin:audits_sinkcursor_replay_from", args=[cursor.pk])
    assert "Replay from an entry" in client.get(url).content.decode()
    refused = client.post(url, {"_form_submitted": "on", "seq": "999"}, headers={"HX-Request": "true"})
    assert "cannot be skipped" in refused.content.decode()
    assert client.post(url, {"_form_submitted": "on", "seq": "0"}).status_code == 302
    assert cursor_of(name).next_seq == 0
    sealing.seal()
    siem.deliver(name=name)
    assert seqs(path) == [*range(told), *range(told + 1)]


def test_an_auditor_finds_no_way_to_replay(name: str, client: Client, aude: Person) -> None:
    siem.due()
    client.force_login(aude)
    url = reverse("admin:audits_sinkcursor_replay_from", args=[cursor_of(name).pk])
    assert client.post(url, {"_form_submitted": "on", "seq": "0"}).status_code == 403
    assert not Event.objects.filter(action=Action.SINK_REPLAYED).exists()


def test_the_overview_and_the_doctor_name_a_failing_sink(
    settings: LazySettings, client: Client, aude: Person, olivia: Person
) -> None:
    name = configure(settings, f"json+syslog+tcp://127.0.0.1:{closed_port()}")
    client.force_login(aude)
    assert "does not take events" not in client.get(reverse("admin:index")).content.decode()
    assert [finding.status for finding in check_siem()] == ["ok"]
    sealed(1)
    siem.deliver(name=name)
    assert f"{name} does not take events" in client.get(reverse("admin:index")).content.decode()
    (finding,) = check_siem()
    assert (finding.status, name in finding.message) == ("warning", True)
    client.force_login(olivia)
    assert "does not take events" not in client.get(reverse("admin:index")).content.decode()
    settings.SIEM_SINKS = ()
    assert [finding.message for finding in check_siem()] == ["None is told: COUNTERSIGN_SIEM is not set."]
