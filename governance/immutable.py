"""The database itself refuses to change what people decided: triggers, on PostgreSQL and on SQLite.

A vote is neither changed nor deleted. An approval keeps what was asked, of whom and under which rule
from its first moment, and keeps everything once it is resolved. They stop every application and every
ordinary role; whoever can take triggers off is found by the ledger, which has the digests.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

APPROVAL, VOTE = "governance_approval", "governance_vote"
FROZEN = (
    "subject",
    "subject_id",
    "agent_id",
    "title",
    "content",
    "digest",
    "rule",
    "excluded",
    "requested_by_id",
    "requested_at",
    "expires_at",
)
UNIQUE: dict[str, tuple[tuple[str, ...], ...]] = {
    APPROVAL: (("rowid",), ("id",)),
    VOTE: (("rowid",), ("id",), ("approval_id", "person_id"), ("approval_id", "discipline")),
}
_MESSAGE = "What was put to a vote does not change"
_KIND = {"postgresql": "IS DISTINCT FROM", "sqlite": "IS NOT"}

Trigger = tuple[str, str, str, str]


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in place; a table that SQLite had to remake comes back without them."""
    remove(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION governance_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"RAISE EXCEPTION '{_MESSAGE}: % of % is refused.', TG_OP, TG_TABLE_NAME "
                "USING ERRCODE = 'integrity_constraint_violation'; END $$"
            )
        for name, when, table, condition in _triggers(connection.vendor):
            cursor.execute(_statement(connection.vendor, name, when, table, condition))
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every trigger off: the way back of the migration, and what tests need to empty the tables."""
    with connection.cursor() as cursor:
        for name, _, table, _ in _triggers(connection.vendor):
            on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers that are absent, or on PostgreSQL not always firing."""
    query = (
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE tgenabled = 'A' AND relnamespace = current_schema()::regnamespace"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = {row[0] for row in cursor.fetchall()}
    return [name for name, *_ in _triggers(connection.vendor) if name not in present]


def _triggers(vendor: str) -> tuple[Trigger, ...]:
    rows = _row_triggers(vendor)
    if vendor != "postgresql":
        return (
            *rows,
            ("governance_vote_no_replace", "BEFORE INSERT", VOTE, _taken(VOTE)),
            ("governance_approval_no_replace", "BEFORE INSERT", APPROVAL, _taken(APPROVAL)),
        )
    return (
        *rows,
        ("governance_vote_no_truncate", "BEFORE TRUNCATE", VOTE, ""),
        ("governance_approval_no_truncate", "BEFORE TRUNCATE", APPROVAL, ""),
    )


def _row_triggers(vendor: str) -> tuple[Trigger, ...]:
    differs = _KIND[vendor]
    edited = " OR ".join(f'OLD."{column}" {differs} NEW."{column}"' for column in FROZEN)
    return (
        ("governance_vote_no_update", "BEFORE UPDATE", VOTE, ""),
        ("governance_vote_no_delete", "BEFORE DELETE", VOTE, ""),
        ("governance_approval_no_edit", "BEFORE UPDATE", APPROVAL, f"OLD.state <> 'pending' OR {edited}"),
        ("governance_approval_no_delete", "BEFORE DELETE", APPROVAL, ""),
    )


def _taken(table: str) -> str:
    """SQLite's INSERT OR REPLACE deletes the row that it replaces without asking the DELETE trigger."""
    matches = " OR ".join(
        "(" + " AND ".join(f"taken.{column} = NEW.{column}" for column in columns) + ")"
        for columns in UNIQUE[table]
    )
    return f"EXISTS (SELECT 1 FROM {table} AS taken WHERE {matches})"  # noqa: S608 - names of our own


def _statement(vendor: str, name: str, when: str, table: str, condition: str) -> str:
    guard = f"WHEN ({condition})" if condition else ""
    if vendor == "postgresql":
        each = "STATEMENT" if when == "BEFORE TRUNCATE" else "ROW"
        return (
            f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} {guard} "
            "EXECUTE FUNCTION governance_refuse()"
        )
    return (
        f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW {guard} "
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}: {when.split()[1]} of {table} is refused.'); END"
    )
