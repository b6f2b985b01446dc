"""The database itself refuses to change the ledger: triggers, on PostgreSQL and on SQLite.

They stop every application and every ordinary role. A superuser can take them off; that is what
message codes, signatures and checkpoints kept elsewhere are for.
"""

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

_MESSAGE = "The ledger is append-only"


@dataclass(frozen=True, slots=True)
class Guarded:
    """One table. `unique` are the columns that name a row; `deletable` says when a row may go."""

    table: str
    unique: tuple[tuple[str, ...], ...]
    deletable: str = ""


_SEALED = "EXISTS (SELECT 1 FROM audits_entry WHERE audits_entry.event_id = OLD.event_id)"
TABLES = (
    Guarded("audits_event", (("id",),)),
    Guarded("audits_body", (("event_id",),)),
    Guarded("audits_pending", (("id",), ("event_id",)), deletable=_SEALED),
    Guarded("audits_entry", (("seq",), ("stream", "stream_seq"), ("event_id",))),
    Guarded("audits_node", (("level", "index"),)),
    Guarded("audits_checkpoint", (("size",),)),
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in place; those in place stay as they are.

    On SQLite a table that Django remakes loses its triggers, so this runs after every migration.
    """
    present = _present(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for function in _postgresql_functions():
                cursor.execute(function)
        for name, statements in _triggers(connection.vendor):
            if name not in present:
                for statement in statements:
                    cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every trigger off: the way back of the migration, and what tests need to empty the tables."""
    with connection.cursor() as cursor:
        for guarded in TABLES:
            for name, _ in _triggers_of(guarded, connection.vendor):
                on_table = f" ON {guarded.table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers that are absent, or on PostgreSQL not always firing."""
    present = _present(connection)
    return [name for name, _ in _triggers(connection.vendor) if name not in present]


def _present(connection: BaseDatabaseWrapper) -> set[str]:
    query = (
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE tgenabled = 'A' AND relnamespace = current_schema()::regnamespace"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}


def _triggers(vendor: str) -> list[tuple[str, tuple[str, ...]]]:
    return [trigger for guarded in TABLES for trigger in _triggers_of(guarded, vendor)]


def _triggers_of(guarded: Guarded, vendor: str) -> list[tuple[str, tuple[str, ...]]]:
    return _on_postgresql(guarded) if vendor == "postgresql" else _on_sqlite(guarded)


def _postgresql_functions() -> list[str]:
    refuse = (
        "CREATE OR REPLACE FUNCTION audits_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{_MESSAGE}: % of % is refused.', TG_OP, TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    conditional = [
        f"CREATE OR REPLACE FUNCTION {guarded.table}_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {guarded.deletable} THEN RETURN OLD; END IF; "
        f"RAISE EXCEPTION '{_MESSAGE}: % of % is refused.', TG_OP, TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        for guarded in TABLES
        if guarded.deletable
    ]
    return [refuse, *conditional]


def _on_postgresql(guarded: Guarded) -> list[tuple[str, tuple[str, ...]]]:
    table = guarded.table
    delete = f"{table}_delete" if guarded.deletable else "audits_refuse"
    plan = (
        ("update", "BEFORE UPDATE", "ROW", "audits_refuse"),
        ("delete", "BEFORE DELETE", "ROW", delete),
        ("truncate", "BEFORE TRUNCATE", "STATEMENT", "audits_refuse"),
    )
    return [
        (
            f"{table}_no_{verb}",
            (
                _create("CREATE OR REPLACE", table, verb, when)
                + f"FOR EACH {each} EXECUTE FUNCTION {function}()",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_{verb}",
            ),
        )
        for verb, when, each, function in plan
    ]


def _on_sqlite(guarded: Guarded) -> list[tuple[str, tuple[str, ...]]]:
    table = guarded.table
    # INSERT OR REPLACE deletes the row it replaces without asking the DELETE trigger.
    taken = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {condition})"  # noqa: S608 - our own names
        for condition in (
            " AND ".join(f'"{column}" = NEW."{column}"' for column in columns)
            for columns in (*guarded.unique, ("rowid",))
        )
    )
    plan = (
        ("update", "BEFORE UPDATE", ""),
        ("delete", "BEFORE DELETE", f"WHEN NOT {guarded.deletable}" if guarded.deletable else ""),
        ("replace", "BEFORE INSERT", f"WHEN {taken}"),
    )
    return [
        (
            f"{table}_no_{verb}",
            (
                _create("CREATE", table, verb, when)
                + f"{condition} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}: {verb} of {table} is refused.'); END",
            ),
        )
        for verb, when, condition in plan
    ]


def _create(verb: str, table: str, refused: str, when: str) -> str:
    return f"{verb} TRIGGER {table}_no_{refused} {when} ON {table} "
