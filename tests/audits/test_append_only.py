from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from audits import append_only, triggers
from audits.models import Body, Checkpoint, Entry, Event, Node, Pending
from audits.services import sealing, verification
from tests.audits.happenings import execute, happen, take_triggers_off

TABLES = [Event, Body, Entry, Node, Checkpoint]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _some_events() -> None:
    happen(4)
    sealing.seal()
    happen(1)


def refused(statement: str, *parameters: Any) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(statement, *parameters)


@pytest.mark.parametrize("model", [*TABLES, Pending])
def test_the_database_refuses_updates(model: Any) -> None:
    table, column = model._meta.db_table, model._meta.concrete_fields[-1].column
    refused(f"UPDATE {table} SET {column} = {column}")  # noqa: S608 - our own names


@pytest.mark.parametrize("model", [*TABLES, Pending])
def test_the_database_refuses_deletions(model: Any) -> None:
    refused(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 - our own names


@pytest.mark.parametrize("model", TABLES)
def test_the_orm_is_refused_too(model: Any) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.all()._raw_delete(using="default")


def test_an_insertion_cannot_replace_a_row() -> None:
    """INSERT OR REPLACE on SQLite, ON CONFLICT DO UPDATE on PostgreSQL; also over the hidden row id."""
    event = Event.objects.earliest("id")
    columns = ", ".join(str(field.column) for field in Event._meta.concrete_fields)
    copy = columns.replace("action", "'ticket.opened'").replace("object,", "'forged',")
    where = f"FROM audits_event WHERE object = '{event.object}'"
    if connection.vendor == "postgresql":
        refused(
            f"INSERT INTO audits_event ({columns}) SELECT {copy} {where} "
            "ON CONFLICT (id) DO UPDATE SET object = EXCLUDED.object"
        )
    else:
        refused(f"INSERT OR REPLACE INTO audits_event ({columns}) SELECT {copy} {where}")
        other = copy.replace("id,", "'00000000000070008000000000000000',", 1)
        refused(f"INSERT OR REPLACE INTO audits_event (rowid, {columns}) SELECT rowid, {other} {where}")
        refused("REPLACE INTO audits_pending (id, event_id) SELECT 99, event_id FROM audits_pending")
        refused("UPDATE OR REPLACE audits_entry SET stream_seq = 1")


def test_postgresql_refuses_to_truncate() -> None:
    if connection.vendor != "postgresql":
        assert "truncate" not in str(triggers.missing(connection))
        return
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    for model in (*TABLES, Pending):
        refused(f"TRUNCATE {model._meta.db_table} CASCADE")


def test_an_event_leaves_pending_only_when_it_has_been_sealed() -> None:
    sealing.seal()
    assert not Pending.objects.exists()


def test_nothing_is_missing_after_migration() -> None:
    assert triggers.missing(connection) == []


def test_triggers_that_are_gone_are_reported_and_come_back_with_migrate() -> None:
    take_triggers_off()
    gone = [name.rpartition("_no_")[0] for name in triggers.missing(connection)]
    guarded = {guard.table for guard in append_only.GUARDS}
    assert len([table for table in gone if table in guarded]) == 3 * len(guarded)
    assert "manage.py migrate" in verification.verify().warnings[0]
    call_command("migrate", verbosity=0)
    assert triggers.missing(connection) == []
    assert verification.verify().warnings == []


def test_a_condition_that_is_unknown_allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """NULL is not true: what is neither allowed nor forbidden is refused, on both databases alike."""
    open_alone = "OLD.state = 'open'"
    guard = triggers.Guard(
        "audits_attacked", "append-only", unique=(("id",),), may_update=open_alone, may_delete=open_alone
    )
    monkeypatch.setattr(triggers, "_guards", {guard.table: guard})
    execute("CREATE TABLE audits_attacked (id integer PRIMARY KEY, state text NULL)")
    triggers.install(connection)
    assert triggers.missing(connection) == []
    execute("INSERT INTO audits_attacked VALUES (1, NULL), (2, 'open'), (3, 'closed'), (4, 'open')")
    for row in (1, 3):
        refused("UPDATE audits_attacked SET state = 'open' WHERE id = %s", row)
        refused("DELETE FROM audits_attacked WHERE id = %s", row)
    assert execute("UPDATE audits_attacked SET state = NULL WHERE id = 2") == 1
    refused("DELETE FROM audits_attacked WHERE id = 2")
    assert execute("DELETE FROM audits_attacked WHERE id = 4") == 1


def test_a_trigger_that_was_switched_off_counts_as_missing() -> None:
    if connection.vendor == "postgresql":
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        execute("ALTER TABLE audits_event DISABLE TRIGGER audits_event_no_update")
    else:
        execute("DROP TRIGGER audits_event_no_update")
    assert triggers.missing(connection) == ["audits_event_no_update"]
    triggers.install(connection)
    refused("UPDATE audits_event SET outcome = 'success'")
