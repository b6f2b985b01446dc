"""The database itself refuses to change what must not change: triggers, on PostgreSQL and on SQLite.

They stop every application and every ordinary role. A superuser can take them off; that is what
digests, message codes, signatures and checkpoints kept elsewhere are for.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class Guard:
    """What the database refuses to do to the rows of one table.

    `may_update` and `may_delete` are SQL conditions over OLD; empty means never, and so does NULL. Where
    a row may be updated, the columns in `frozen` still keep their values, and those in `closed_frozen` as
    well once `closed` holds, another condition over OLD. `unique` are the sets of columns that name a row.
    """

    table: str
    message: str
    unique: tuple[tuple[str, ...], ...]
    may_update: str = ""
    frozen: tuple[str, ...] = ()
    closed: str = ""
    closed_frozen: tuple[str, ...] = ()
    may_delete: str = ""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a row of one table must have in others, when it is written and when these columns change.

    `asked_of` and `holds` are SQL conditions over NEW: a row of which the first is true, or not known to be
    false, is refused unless the second is true. `reads` are the other tables that `holds` looks at.
    """

    table: str
    name: str
    message: str
    asked_of: str
    holds: str
    columns: tuple[str, ...]
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trigger:
    """`definition` is what the database says of it when it is as it should be."""

    name: str
    table: str
    definition: str
    statements: tuple[str, ...]


_guards: dict[str, Guard] = {}
_demands: dict[tuple[str, str], Demand] = {}


def register(*guards: Guard) -> None:
    """Have tables guarded from the next migration on; every room registers its own when it starts."""
    _guards.update({guard.table: guard for guard in guards})


def register_demands(*demands: Demand) -> None:
    """Have rows asked for what they need, the same way; a room above may ask it of a table below."""
    _demands.update({(demand.table, demand.name): demand for demand in demands})


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in place; those that are as they should be stay.

    On SQLite a table that Django remakes loses its triggers, so this runs after every migration.
    """
    lacking = set(missing(connection))
    with connection.cursor() as cursor:
        for trigger in _triggers(connection):
            if trigger.name in lacking:
                for statement in (_drop(connection.vendor, trigger), *trigger.statements):
                    cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper, tables: Collection[str] | None = None) -> None:
    """Take triggers off, of these tables or all, as a superuser can; tests do, to empty or attack them."""
    with connection.cursor() as cursor:
        for trigger in _triggers(connection):
            if tables is None or trigger.table in tables:
                cursor.execute(_drop(connection.vendor, trigger))


def make_way(connection: BaseDatabaseWrapper) -> None:
    """Before a migration: on SQLite a table that a trigger of another one looks at cannot be remade."""
    if connection.vendor == "sqlite":
        remove(connection, {demand.table for demand in _demands.values()})


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers that are absent, altered, or on PostgreSQL not always firing."""
    query = (
        "SELECT tgname, prosrc FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "JOIN pg_proc ON pg_proc.oid = tgfoid "
        "WHERE tgenabled = 'A' AND relnamespace = current_schema()::regnamespace"
        if connection.vendor == "postgresql"
        else "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = dict(cursor.fetchall())
    return [
        trigger.name for trigger in _triggers(connection) if present.get(trigger.name) != trigger.definition
    ]


def _triggers(connection: BaseDatabaseWrapper) -> list[Trigger]:
    """Those of the tables that exist: an app may be migrated before the next one."""
    existing = set(connection.introspection.table_names())
    on_postgresql = connection.vendor == "postgresql"
    make = _on_postgresql if on_postgresql else _on_sqlite
    ask = _demand_on_postgresql if on_postgresql else _demand_on_sqlite
    guarding = [trigger for guard in _guards.values() if guard.table in existing for trigger in make(guard)]
    wanted = [demand for demand in _demands.values() if existing.issuperset({demand.table, *demand.reads})]
    return [*guarding, *(trigger for demand in wanted for trigger in ask(demand))]


def _drop(vendor: str, trigger: Trigger) -> str:
    on_table = f" ON {trigger.table}" if vendor == "postgresql" else ""
    return f"DROP TRIGGER IF EXISTS {trigger.name}{on_table}"


def _on_postgresql(guard: Guard) -> Iterator[Trigger]:
    plan = (
        ("UPDATE", "ROW", _may_update(guard, "IS DISTINCT FROM"), "NEW"),
        ("DELETE", "ROW", guard.may_delete, "OLD"),
        ("TRUNCATE", "STATEMENT", "", "NULL"),
    )
    for verb, each, condition, row in plan:
        table, name = guard.table, f"{guard.table}_no_{verb.lower()}"
        passing = f"IF {condition} THEN RETURN {row}; END IF; " if condition else ""
        body = (
            f" BEGIN {passing}RAISE EXCEPTION '{guard.message}: {verb} of {table} is refused.' "
            "USING ERRCODE = 'integrity_constraint_violation'; END "
        )
        yield Trigger(
            name,
            table,
            body,
            (
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
            ),
        )


def _on_sqlite(guard: Guard) -> Iterator[Trigger]:
    plan = (
        ("update", "UPDATE", _unless(_may_update(guard, "IS NOT"))),
        ("delete", "DELETE", _unless(guard.may_delete)),
        ("replace", "INSERT", f"WHEN {_taken(guard)} "),
    )
    for refused, verb, condition in plan:
        name = f"{guard.table}_no_{refused}"
        statement = (
            f"CREATE TRIGGER {name} BEFORE {verb} ON {guard.table} FOR EACH ROW {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{guard.message}: {refused} of {guard.table} is refused.'); END"
        )
        yield Trigger(name, guard.table, statement, (statement,))


def _demand_on_postgresql(demand: Demand) -> Iterator[Trigger]:
    name, columns = f"{demand.table}_{demand.name}", ", ".join(f'"{column}"' for column in demand.columns)
    body = (
        f" BEGIN IF ({_granted(demand)}) IS TRUE THEN RETURN NEW; END IF; "
        f"RAISE EXCEPTION '{demand.message}.' USING ERRCODE = 'integrity_constraint_violation'; END "
    )
    yield Trigger(
        name,
        demand.table,
        body,
        (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
            (
                f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OF {columns} ON {demand.table} "
                f"FOR EACH ROW EXECUTE FUNCTION {name}()"
            ),
            f"ALTER TABLE {demand.table} ENABLE ALWAYS TRIGGER {name}",
        ),
    )


def _demand_on_sqlite(demand: Demand) -> Iterator[Trigger]:
    columns = ", ".join(f'"{column}"' for column in demand.columns)
    for verb, suffix in (("INSERT", "insert"), (f"UPDATE OF {columns}", "update")):
        name = f"{demand.table}_{demand.name}_{suffix}"
        statement = (
            f"CREATE TRIGGER {name} BEFORE {verb} ON {demand.table} FOR EACH ROW "
            f"WHEN ({_granted(demand)}) IS NOT TRUE BEGIN SELECT RAISE(ABORT, '{demand.message}.'); END"
        )
        yield Trigger(name, demand.table, statement, (statement,))


def _granted(demand: Demand) -> str:
    return f"(({demand.asked_of}) IS FALSE) OR ({demand.holds})"


def _may_update(guard: Guard, differs: str) -> str:
    edited = _edited(guard.frozen, differs)
    if guard.closed:
        edited += f" OR ({guard.closed}) AND ({_edited(guard.closed_frozen, differs)})"
    return f"({guard.may_update}) AND NOT ({edited})" if edited and guard.may_update else guard.may_update


def _edited(columns: tuple[str, ...], differs: str) -> str:
    return " OR ".join(f'OLD."{column}" {differs} NEW."{column}"' for column in columns)


def _unless(condition: str) -> str:
    """Refused unless it is known to be allowed: NULL allows nothing, as in PL/pgSQL's IF."""
    return f"WHEN ({condition}) IS NOT TRUE " if condition else ""


def _taken(guard: Guard) -> str:
    """SQLite's INSERT OR REPLACE deletes the row that it replaces without asking the DELETE trigger."""
    matches = " OR ".join(
        "(" + " AND ".join(f'taken."{column}" = NEW."{column}"' for column in columns) + ")"
        for columns in (("rowid",), *guard.unique)
    )
    return f"EXISTS (SELECT 1 FROM {guard.table} AS taken WHERE {matches})"  # noqa: S608 - names of our own
