"""The database itself refuses to change a version that was submitted (promise 4).

A trigger, on PostgreSQL and on SQLite. It stops every application and every ordinary role; whoever takes
it off still cannot make what runs fit what was approved, because the digest is compared before each run.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "agents_agentversion"
FROZEN = (
    "agent_id",
    "label",
    "model_provider",
    "model_name",
    "model_version",
    "prompt_digest",
    "tool_manifest",
    "code_commit",
    "data_snapshot",
    "image_digest",
    "digest",
    "added_by_id",
    "added_at",
    "submitted_at",
)
NAME = "agents_version_submitted"
MESSAGE = "A submitted version does not change: add a new one."


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the trigger in place; a table that SQLite had to remake comes back without it."""
    remove(connection)
    statements = _postgresql() if connection.vendor == "postgresql" else _sqlite()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER IF EXISTS {NAME}{on_table}")


def _postgresql() -> tuple[str, ...]:
    function = (
        "CREATE OR REPLACE FUNCTION agents_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    trigger = (
        f"CREATE TRIGGER {NAME} BEFORE UPDATE ON {TABLE} FOR EACH ROW "
        f"WHEN (OLD.submitted_at IS NOT NULL AND ({_edited('IS DISTINCT FROM')})) "
        "EXECUTE FUNCTION agents_refuse()"
    )
    return function, trigger


def _sqlite() -> tuple[str, ...]:
    trigger = (
        f"CREATE TRIGGER {NAME} BEFORE UPDATE ON {TABLE} FOR EACH ROW "
        f"WHEN OLD.submitted_at IS NOT NULL AND ({_edited('IS NOT')}) "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    )
    return (trigger,)


def _edited(differs: str) -> str:
    return " OR ".join(f'OLD."{column}" {differs} NEW."{column}"' for column in FROZEN)
